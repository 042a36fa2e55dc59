"""Waiting for files."""

from bide.standard.sensors.file import FileSensor as FileSensor
