"""Waiting for a day."""

from bide.standard.sensors.weekday import DayOfWeekSensor as DayOfWeekSensor
