"""Airflow's settings as a source of Bide's: what ``airflow.cfg`` and ``AIRFLOW__SECTION__KEY`` say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from bide.config.airflow.file import airflow_home, find_airflow_file, read_airflow_file
from bide.config.airflow.names import SERVED, Convert, Served, is_for_engine
from bide.config.given_elsewhere import COMMAND, KINDS, SECRET, Elsewhere
from bide.config.table import setting_rows

PREFIX: Final = "AIRFLOW__"
#: Sections in which a setting of Bide's own may be given by Airflow's prefix, too.
_OWN_SECTIONS: Final = ("core", "operators", "scheduler", "smtp", "email")
_HOME: Final = re.compile(r"\$\{AIRFLOW_HOME\}|\$AIRFLOW_HOME\b|\{AIRFLOW_HOME\}")


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
    home = airflow_home(os.environ) or path.parent
    return [
        _plain(one.section, one.key, _expanded(one.value, home), f"{path}:{one.line}")
        for one in read_airflow_file(path)
    ]


def from_environment(environ: Mapping[str, str]) -> list[AirflowValue]:
    """What variables ``AIRFLOW__SECTION__KEY`` say."""
    found: list[AirflowValue] = []
    for variable in sorted(environ):
        section, separator, key = variable.removeprefix(PREFIX).lower().partition("__")
        if variable.startswith(PREFIX) and separator and key:
            found.append(_plain(section, key, _with_variables(environ[variable]), variable))
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
    return found


class Translated(NamedTuple):
    """A setting of Bide's that one of Airflow's gives."""

    section: str
    key: str
    value: str | Elsewhere
    source: str
    #: What becomes of a value once it is known.
    convert: Convert


def translated(values: Iterable[AirflowValue]) -> Iterator[Translated]:
    """The settings of Bide's that `values` give; the last one counts. What says nothing is left out."""
    order = {name: number for number, name in enumerate(SERVED)}

    def place(one: AirflowValue) -> tuple[int, int]:
        return order.get((one.section, one.key), -1), KINDS.index(one.kind)

    for value in sorted(values, key=place):
        served = served_by(value)
        if served is None or not value.value:
            continue
        section, _, key = served.name.partition(".")
        if value.kind:
            yield Translated(section, key, Elsewhere(value.kind, value.value), value.source, served.convert)
        elif (text := served.convert(value.value)) is not None:
            yield Translated(section, key, text, value.source, served.convert)


def find_value(project: Path, environ: Mapping[str, str], *names: tuple[str, str]) -> AirflowValue | None:
    """What a setting of Airflow's is given as, by any of its names: the first of them in the environment counts."""
    for values in reversed(airflow_values(project, environ)):
        for name in names:
            found = [one for one in values if (one.section, one.key) == name and one.value]
            if found:
                return max(found, key=lambda one: KINDS.index(one.kind))
    return None


def handed_on(values: Iterable[AirflowValue]) -> dict[str, str]:
    """The settings of a file that code of users may read by Airflow's names, as environment variables."""
    return {
        f"{PREFIX}{one.section}__{one.key}".upper(): one.value
        for one in values
        if not one.kind and not is_for_engine(one.section, one.key)
    }


def _plain(section: str, key: str, value: str, source: str) -> AirflowValue:
    for kind in (COMMAND, SECRET):
        base = key.removesuffix(kind)
        known = (section, base) in SERVED or (section, base) in setting_rows() or is_for_engine(section, base)
        if base != key and known:
            return AirflowValue(section, base, value, source, kind)
    return AirflowValue(section, key, value, source)


def _expanded(value: str, home: Path) -> str:
    """`value` with the folder of Airflow, and with variables of the environment."""
    return _with_variables(_HOME.sub(lambda _: str(home), value))


def _with_variables(text: str) -> str:
    # As Airflow does with all of its settings.
    found = os.path.expandvars(text)
    return str(Path(found).expanduser()) if found.startswith("~/") else found
