"""Waiting for moments."""

from bide.standard.triggers.temporal import DateTimeTrigger as DateTimeTrigger
from bide.standard.triggers.temporal import TimeDeltaTrigger as TimeDeltaTrigger
