"""Waiting for a command."""

from bide.standard.sensors.bash import BashSensor as BashSensor
