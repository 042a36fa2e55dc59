"""Days of the week."""

from bide.standard.weekdays import WeekDay as WeekDay
