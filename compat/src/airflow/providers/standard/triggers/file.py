"""Waiting for files."""

from bide.standard.triggers.file import DirectoryFileDeleteTrigger as DirectoryFileDeleteTrigger
from bide.standard.triggers.file import FileDeleteTrigger as FileDeleteTrigger
from bide.standard.triggers.file import FileTrigger as FileTrigger
