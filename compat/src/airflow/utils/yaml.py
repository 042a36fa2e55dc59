"""YAML."""

from bide.standard.yaml_text import dump as dump
from bide.standard.yaml_text import safe_load as safe_load
