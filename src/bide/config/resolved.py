"""The settings together with the folders that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from bide.config.airflow.names import ENGINE_ONLY_VARIABLES
from bide.config.given_elsewhere import COMMAND, SECRET, Backend
from bide.config.settings import Settings
from bide.config.table import setting_rows
from bide.config.urls import hide_password
from bide.model.retention import Keep, Retention, read_rules
from bide.observe.masking import MASK

#: How the URL of a store in a file begins.
SQLITE = "sqlite:///"
#: Addresses of this host alone, or of all that it has.
_HERE = ("127.0.0.1", "0.0.0.0", "::", "::1")
#: Sections that processes with code of DAG authors are not told.
_ENGINE_ONLY = ("store", "api", "secrets", "retention")


@dataclass(frozen=True)
class Config:
    """What :func:`bide.config.load.load_config` found. All paths are absolute."""

    settings: Settings
    #: Where each setting that is no default was read, by (section, key).
    sources: Mapping[tuple[str, str], str]
    #: Folder of ``bide.toml`` and ``dags/``.
    project: Path
    #: Folder of the state: database, keys, logs, socket, password.
    home: Path
    #: What ``airflow.cfg`` has for code of users, as variables of the environment.
    airflow: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def dags_folder(self) -> Path:
        """Folder with DAG files; it need not exist."""
        return self.project / Path(self.settings.core.dags_folder).expanduser()

    @property
    def plugins_folder(self) -> Path:
        """Folder with plugins; it need not exist."""
        return self.project / Path(self.settings.core.plugins_folder).expanduser()

    @property
    def backend(self) -> Backend:
        """The backend of secrets; its class path is empty if there is none."""
        section = self.settings.secrets
        return Backend(section.backend, section.backend_kwargs, str(self.plugins_folder))

    @property
    def is_shared(self) -> bool:
        """Whether the store is a PostgreSQL database, which several engines may share."""
        return not self.settings.store.url.startswith(SQLITE)

    @property
    def store_url(self) -> str:
        """The URL to open the store with."""
        return self.settings.store.url if self.is_shared else f"{SQLITE}{self.store_path}"

    @property
    def shown_store(self) -> str:
        """The store, for people: its file, or its URL without password."""
        return hide_password(self.settings.store.url) if self.is_shared else str(self.store_path)

    @property
    def store_path(self) -> Path:
        """The SQLite file of ``store.url``. Ask :attr:`is_shared` first: PostgreSQL has none."""
        if self.is_shared:
            raise ValueError("a store on PostgreSQL has no file")
        path = self.settings.store.url.removeprefix(SQLITE).replace("{home}", str(self.home))
        return self.project / path

    @property
    def logs_root(self) -> Path:
        """Folder below which :func:`bide.model.log_path.log_path` counts."""
        return self.home / "logs"

    @property
    def retention(self) -> Retention:
        """How long runs are kept. Raises :class:`ConfigError` for a rule that can't be read."""
        section = self.settings.retention
        return Retention(Keep(section.max_age_days, section.max_runs), read_rules(section.dags))

    @property
    def xcoms_elsewhere(self) -> Literal["none", "objects", "values"]:
        """What of XComs lies outside of the store."""
        if self.settings.core.xcom_backend:
            return "values"
        return "objects" if self.settings.xcom.objectstorage_path else "none"

    @property
    def archive_folder(self) -> Path | None:
        """Where what is deleted is kept; None to keep nothing."""
        folder = self.settings.retention.archive_folder
        return self.home / Path(folder).expanduser() if folder else None

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

    @property
    def key_path(self) -> Path:
        """File with the keys that stored values are encrypted with, unless a setting has them."""
        return self.home / "keys" / "fernet.key"

    def shown_value(self, section: str, key: str) -> Any:
        """The value of a setting as people may see it."""
        value = self.value(section, key)
        if (section, key) == ("store", "url"):
            return hide_password(value)
        return MASK if value and setting_rows()[section, key].is_secret else value

    @property
    def _airflow_defaults(self) -> dict[str, str]:
        """What code for Airflow asks of settings that have a default there, and other names or none here."""
        api = self.settings.api
        url = api.base_url or f"http://{'localhost' if api.host in _HERE else api.host}:{api.port}"
        return {
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__WEBSERVER__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs_root),
            "AIRFLOW__LOGGING__REMOTE_LOGGING": "False",
        }

    def runner_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of processes with user code: `environ` with the settings that such code may see.

        What only the engine may know (its keys, its database) is taken out.
        """
        both = {**self._airflow_defaults, **self.airflow, **environ}
        kept = {name: value for name, value in both.items() if not name.startswith(ENGINE_ONLY_VARIABLES)}
        for row in setting_rows().values():
            kept.pop(row.variable, None)
            for kind in (COMMAND, SECRET):
                kept.pop(f"{row.variable}{kind}".upper(), None)
            value = self.value(row.section, row.key)
            if row.section not in _ENGINE_ONLY and not row.is_secret and value is not None:
                kept[row.variable] = _as_text(value)
        # Runners know nothing of the project folder that a relative path counts from.
        kept[setting_rows()["core", "plugins_folder"].variable] = str(self.plugins_folder)
        kept[setting_rows()["core", "dags_folder"].variable] = str(self.dags_folder)
        return kept


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
