"""Waiting for moments."""

from bide.standard.sensors.time import DateTimeSensor as DateTimeSensor
from bide.standard.sensors.time import DateTimeSensorAsync as DateTimeSensorAsync
