"""The settings together with the folders that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bide.config.settings import Settings
from bide.config.table import setting_rows

#: Sections that processes with code of DAG authors are not told.
_ENGINE_ONLY = ("store", "api")


@dataclass(frozen=True)
class Config:
    """What :func:`bide.config.load.load_config` found. All paths are absolute."""

    settings: Settings
    #: Where each setting that is no default was read, by (section, key).
    sources: Mapping[tuple[str, str], str]
    #: Folder of ``bide.toml`` and ``dags/``.
    project: Path
    #: Folder of the state: database, logs, socket, password.
    home: Path

    @property
    def dags_folder(self) -> Path:
        """Folder with DAG files; it need not exist."""
        return self.project / Path(self.settings.core.dags_folder).expanduser()

    @property
    def store_path(self) -> Path:
        """The SQLite file of ``store.url``."""
        path = self.settings.store.url.removeprefix("sqlite:///").replace("{home}", str(self.home))
        return self.project / path

    @property
    def logs_root(self) -> Path:
        """Folder below which :func:`bide.model.log_path.log_path` counts."""
        return self.home / "logs"

    @property
    def socket_path(self) -> Path:
        """Where a running engine listens for the bell and for live questions."""
        return self.home / "engine.sock"

    @property
    def password_path(self) -> Path:
        """File with the password of the user ``admin``."""
        return self.home / "password"

    def source(self, section: str, key: str) -> str:
        """Where the value of a setting comes from: ``default``, a file and line, a variable or a flag."""
        return self.sources.get((section, key), "default")

    def value(self, section: str, key: str) -> Any:
        """The value of a setting by its names."""
        return getattr(getattr(self.settings, section), key)

    def runner_environment(self) -> dict[str, str]:
        """Settings that user code may see, as the variables that its process is started with."""
        return {
            row.variable: _as_text(self.value(row.section, row.key))
            for row in setting_rows().values()
            if row.section not in _ENGINE_ONLY and self.value(row.section, row.key) is not None
        }


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
