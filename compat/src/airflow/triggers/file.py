"""Waiting for files."""

from bide.standard.triggers.file import FileDeleteTrigger as FileDeleteTrigger
from bide.standard.triggers.file import FileTrigger as FileTrigger
