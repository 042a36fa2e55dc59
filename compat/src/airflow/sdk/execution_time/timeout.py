"""Limits in time."""

from bide.standard.time_limit import timeout as timeout
