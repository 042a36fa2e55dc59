"""File systems of object storage."""

from bide.standard.object_stores import get_fs as get_fs
from bide.standard.object_stores import has_fs as has_fs
