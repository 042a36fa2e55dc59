"""Texts."""

from bide.standard.arguments import get_random_string as get_random_string
from bide.standard.arguments import to_boolean as to_boolean
