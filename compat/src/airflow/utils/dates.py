"""Moments counted from today."""

from bide.standard.timezone import days_ago as days_ago
