"""What a request is about, in the words of packages that decide who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class AssetDetails:
    """An asset, by its id."""

    id: str | None = None


@dataclass(frozen=True)
class AssetAliasDetails:
    """An alias of assets, by its id."""

    id: str | None = None


class AccessView(Enum):
    """Pages that a person may see or not."""

    CLUSTER_ACTIVITY = "CLUSTER_ACTIVITY"
    DOCS = "DOCS"
    IMPORT_ERRORS = "IMPORT_ERRORS"
    JOBS = "JOBS"
    PLUGINS = "PLUGINS"
    PROVIDERS = "PROVIDERS"
    TRIGGERS = "TRIGGERS"
    WEBSITE = "WEBSITE"
