"""Processes."""

from bide.standard.machine import execute_in_subprocess as execute_in_subprocess
from bide.standard.machine import patch_environ as patch_environ
