"""Marks of tests, or modules of tests, that are about one kind of store."""

from __future__ import annotations

import pytest

ON_SQLITE = pytest.mark.store("sqlite")
ON_POSTGRESQL = pytest.mark.store("postgresql")
