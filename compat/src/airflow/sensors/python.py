"""Waiting for what a function says."""

from bide.standard.sensors.python import PythonSensor as PythonSensor
