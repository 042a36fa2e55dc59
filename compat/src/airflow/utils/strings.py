"""Texts."""

from bide.standard.arguments import to_boolean as to_boolean
