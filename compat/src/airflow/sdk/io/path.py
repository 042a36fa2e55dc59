"""Paths in object storage."""

from bide.standard.object_storage import ObjectStoragePath as ObjectStoragePath
