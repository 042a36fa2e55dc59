"""Secrets of files."""

from bide.authoring.secrets_backends import LocalFilesystemBackend as LocalFilesystemBackend
