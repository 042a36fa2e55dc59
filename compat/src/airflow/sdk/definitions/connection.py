"""Connections."""

from bide.authoring.connection import Connection as Connection
