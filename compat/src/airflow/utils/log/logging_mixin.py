"""Loggers."""

from bide.authoring.logged import LoggingMixin as LoggingMixin
from bide.authoring.logged import remove_escape_codes as remove_escape_codes
