"""Decorators of constructors."""

from bide.authoring.operator import apply_defaults as apply_defaults
