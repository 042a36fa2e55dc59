"""Skipping what is downstream."""

from bide.authoring.skipping import SkipMixin as SkipMixin
