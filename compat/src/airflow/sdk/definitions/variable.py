"""Variables."""

from bide.authoring.variable import Variable as Variable
