"""Types."""

from bide.standard.object_stores import Properties as Properties
