"""Settings that runners and user code see, handed down by the engine in the environment; none is a secret."""

from __future__ import annotations

import os


def setting(section: str, key: str) -> str | None:
    """``BIDE__SECTION__KEY``, else ``AIRFLOW__SECTION__KEY``, else None."""
    name = f"{section}__{key}".upper()
    return os.environ.get(f"BIDE__{name}", os.environ.get(f"AIRFLOW__{name}"))


def number_setting(section: str, key: str, default: int) -> int:
    """A setting that is a whole number."""
    text = setting(section, key)
    return default if text is None else int(text)
