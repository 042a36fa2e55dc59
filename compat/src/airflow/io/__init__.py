"""Object storage."""

from bide.standard.object_storage import ObjectStoragePath as ObjectStoragePath
from bide.standard.object_stores import Properties as Properties
from bide.standard.object_stores import attach as attach
from bide.standard.object_stores import get_fs as get_fs
from bide.standard.object_stores import has_fs as has_fs
