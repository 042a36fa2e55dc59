"""Listeners."""

from bide.authoring.listeners import hookimpl as hookimpl
