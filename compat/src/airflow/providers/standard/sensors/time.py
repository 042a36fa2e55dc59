"""Waiting for times of day."""

from bide.standard.sensors.time import TimeSensor as TimeSensor
from bide.standard.sensors.time import TimeSensorAsync as TimeSensorAsync
