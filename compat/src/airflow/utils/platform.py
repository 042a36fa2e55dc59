"""The machine."""

from bide.standard.machine import getuser as getuser
