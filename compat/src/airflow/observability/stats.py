"""Metrics."""

from bide.standard.stats import Stats as Stats
