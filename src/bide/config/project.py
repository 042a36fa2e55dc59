"""The project folder and the folder of its state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bide.config.airflow.file import CONFIG_FILE as AIRFLOW_FILE
from bide.config.airflow.file import airflow_home
from bide.model.errors import ConfigError

CONFIG_FILE: Final = "bide.toml"
DAGS_FOLDER: Final = "dags"
#: Environment variable that names the state folder.
HOME_VARIABLE: Final = "BIDE_HOME"


def find_project(start: Path, environ: Mapping[str, str]) -> Path:
    """The nearest folder from `start` upwards that has ``bide.toml``, ``dags/`` or ``airflow.cfg``. Absolute.

    If there is none, ``$AIRFLOW_HOME``, else `start`.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / CONFIG_FILE).is_file() or (folder / DAGS_FOLDER).is_dir() or (folder / AIRFLOW_FILE).is_file():
            return folder
    return airflow_home(environ) or start


def make_home(home: Path) -> None:
    """Make the state folder if there is none. Raises :class:`ConfigError`."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the state folder {home} can't be made: {error.strerror} (${HOME_VARIABLE} names another one)"
        ) from error


def find_home(project: Path, environ: Mapping[str, str]) -> Path:
    """``$BIDE_HOME``, else ``.bide`` in `project`. Absolute; it need not exist."""
    given = environ.get(HOME_VARIABLE, "")
    return Path(given).expanduser().absolute() if given else project / ".bide"
