"""Airflow's settings as a source of Bide's: what ``airflow.cfg`` and ``AIRFLOW__SECTION__KEY`` say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from bide.config.airflow.file import find_airflow_file, read_airflow_file
from bide.config.airflow.names import SERVED, Served, is_for_engine
from bide.config.table import setting_rows
from bide.model.errors import ConfigError

PREFIX: Final = "AIRFLOW__"
#: Ends the name of a setting that a command prints, or that a secrets backend has.
COMMAND: Final = "_cmd"
SECRET: Final = "_secret"
#: Sections in which a setting of Bide's own may be given by Airflow's prefix, too.
_OWN_SECTIONS: Final = ("core", "operators", "scheduler", "smtp", "email")
_HOME: Final = re.compile(r"\{AIRFLOW_HOME\}")
#: Seconds that a command has to print a setting.
_PATIENCE: Final = 30


class AirflowValue(NamedTuple):
    """A setting as Airflow would read it. Names are in lower case, the key is without ``_cmd`` or ``_secret``."""

    section: str
    key: str
    value: str
    #: ``airflow.cfg:12`` or the variable.
    source: str
    #: ``_cmd`` if the value is a command that prints it, ``_secret`` if it is the name of a secret, else empty.
    kind: str = ""


def from_file(path: Path) -> list[AirflowValue]:
    """What an ``airflow.cfg`` says. Raises :class:`ConfigError`."""
    return [
        _plain(one.section, one.key, _expanded(one.value, path.parent), f"{path}:{one.line}")
        for one in read_airflow_file(path)
    ]


def from_environment(environ: Mapping[str, str]) -> list[AirflowValue]:
    """What variables ``AIRFLOW__SECTION__KEY`` say."""
    found: list[AirflowValue] = []
    for variable in sorted(environ):
        section, separator, key = variable.removeprefix(PREFIX).lower().partition("__")
        if variable.startswith(PREFIX) and separator and key:
            found.append(_plain(section, key, environ[variable], variable))
    return found


def airflow_values(project: Path, environ: Mapping[str, str]) -> tuple[list[AirflowValue], list[AirflowValue]]:
    """What the file says, and what the environment says."""
    path = find_airflow_file(project, environ)
    return [] if path is None else from_file(path), from_environment(environ)


def served_by(value: AirflowValue) -> Served | None:
    """Which setting of Bide's it is; None if none."""
    found = SERVED.get((value.section, value.key))
    row = setting_rows().get((value.section, value.key))
    if found is None and row is not None and row.section in _OWN_SECTIONS and not row.is_secret:
        return Served(row.name)
    return None if value.kind == SECRET else found


def translated(values: Iterable[AirflowValue]) -> Iterator[tuple[str, str, str, str]]:
    """Section, key, text and source of each setting of Bide's that `values` give; the last one counts.

    Runs the commands of those that are given by one. Raises :class:`ConfigError`.
    """
    order = {name: number for number, name in enumerate(SERVED)}
    for value in sorted(values, key=lambda one: order.get((one.section, one.key), -1)):
        served = served_by(value)
        if served is None:
            continue
        text = command_output(value.value, value.source) if value.kind == COMMAND else value.value
        converted = served.convert(text) if text else None
        if converted is not None:
            section, _, key = served.name.partition(".")
            yield section, key, converted, value.source


def handed_on(values: Iterable[AirflowValue]) -> dict[str, str]:
    """The settings of a file that code of users may read by Airflow's names, as environment variables."""
    return {
        f"{PREFIX}{one.section}__{one.key}".upper(): one.value
        for one in values
        if not one.kind and not is_for_engine(one.section, one.key)
    }


def command_output(command: str, source: str) -> str:
    """What `command` prints, without the last line break. Raises :class:`ConfigError` naming `source`."""
    try:
        done = subprocess.run(shlex.split(command), check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.CalledProcessError as error:
        raise ConfigError(f"{source}: the command ended with {error.returncode}: {error.stderr.strip()}") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{source}: the command can't be run: {error}") from None
    return done.stdout.removesuffix("\n")


def _plain(section: str, key: str, value: str, source: str) -> AirflowValue:
    for kind in (COMMAND, SECRET):
        base = key.removesuffix(kind)
        if base != key and ((section, base) in SERVED or is_for_engine(section, base)):
            return AirflowValue(section, base, value, source, kind)
    return AirflowValue(section, key, value, source)


def _expanded(value: str, home: Path) -> str:
    """`value` with the folder of the file, and with variables of the environment where it is a path."""
    text = _HOME.sub(lambda _: str(home), value)
    return os.path.expandvars(text) if text.startswith(("$", "~", "/")) else text
