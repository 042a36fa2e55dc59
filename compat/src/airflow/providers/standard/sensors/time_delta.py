"""Waiting for spans of time."""

from bide.standard.sensors.time import TimeDeltaSensor as TimeDeltaSensor
from bide.standard.sensors.time import TimeDeltaSensorAsync as TimeDeltaSensorAsync
from bide.standard.sensors.time import WaitSensor as WaitSensor
