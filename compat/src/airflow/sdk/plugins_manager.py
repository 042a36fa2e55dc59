"""Plugins."""

from bide.authoring.plugins import Plugin as AirflowPlugin

__all__ = ("AirflowPlugin",)
