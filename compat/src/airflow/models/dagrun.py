"""Runs."""

from bide.authoring.context import DagRun as DagRun
