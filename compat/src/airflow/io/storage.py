"""Object storage under a name."""

from bide.standard.object_stores import ObjectStore as ObjectStore
from bide.standard.object_stores import attach as attach
