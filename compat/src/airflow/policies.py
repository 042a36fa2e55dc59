"""Marks policies; their names are what counts."""

from bide.authoring.listeners import hookimpl as hookimpl
