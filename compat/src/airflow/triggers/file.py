"""Waiting for files."""

from bide.standard.triggers.file import FileTrigger as FileTrigger
