"""Settings that runners and user code see, handed down by the engine in the environment; none is a secret."""

from __future__ import annotations

import os
from functools import cache

from bide.authoring.value_policy import allowed_names, value_policy
from bide.authoring.xcom_backend import BaseXCom, find_backend
from bide.authoring.xcom_storage import XComStorage
from bide.model.value_classes import Policy


def setting(section: str, key: str) -> str | None:
    """``BIDE__SECTION__KEY``, else ``AIRFLOW__SECTION__KEY``, else None."""
    name = f"{section}__{key}".upper()
    return os.environ.get(f"BIDE__{name}", os.environ.get(f"AIRFLOW__{name}"))


def project_values(*folders: str) -> Policy:
    """Allows classes of the project (and of modules below `folders`), and those that the setting allows."""
    places = [*folders, setting("core", "dags_folder") or "", setting("core", "plugins_folder") or ""]
    return value_policy(places, allowed_names(setting("core", "allowed_deserialization_classes")))


def xcom_backend() -> type[BaseXCom] | None:
    """The class that makes bytes of XComs, if a setting names one."""
    path = setting("core", "xcom_backend")
    return find_backend(path) if path else None


@cache
def xcom_storage() -> XComStorage | None:
    """Where large XComs go, if a setting says so."""
    path = setting("xcom", "objectstorage_path")
    if not path:
        return None
    packed = (setting("xcom", "objectstorage_compression") or "none") == "gzip"
    return XComStorage(path, number_setting("xcom", "objectstorage_threshold", 1024 * 1024), packed=packed)


def number_setting(section: str, key: str, default: int) -> int:
    """A setting that is a whole number."""
    text = setting(section, key)
    return default if text is None else int(text)
