"""What becomes of Airflow's settings here, for those who move over."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from bide.config.airflow.names import SECTIONS, SERVED, UNSERVED
from bide.config.airflow.source import AirflowValue, airflow_values, served_by
from bide.config.resolved import Config

#: used: Bide heeds it; overridden: it would, but another source wins; handed on: code that asks for it finds it;
#: no effect: Bide needs or has nothing of the kind, and the advice says what to do; unknown: in none of the tables.
Status = Literal["used", "overridden", "handed on", "no effect", "unknown"]


class Reported(NamedTuple):
    """One setting of Airflow's, or all of a section that Bide does not have."""

    #: ``core.parallelism``, or ``celery.*``.
    setting: str
    #: Where it is given; of several the first.
    source: str
    status: Status
    #: ``section.key`` of Bide's setting, if there is one.
    bide: str | None
    advice: str


def airflow_report(config: Config, environ: Mapping[str, str]) -> list[Reported]:
    """Each setting of Airflow's that is given for the project of `config`, once; empty ones are left out."""
    in_file, in_environment = airflow_values(config.project, environ)
    return list(_rows([one for one in (*in_file, *in_environment) if one.value], config))


def _rows(values: Sequence[AirflowValue], config: Config) -> Iterator[Reported]:
    told: set[str] = set()
    for value in values:
        row = _row(value, config)
        if row.setting not in told or row.status in ("used", "overridden"):
            told.add(row.setting)
            yield row


def _row(value: AirflowValue, config: Config) -> Reported:
    name = f"{value.section}.{value.key}"
    advice = UNSERVED.get((value.section, value.key))
    if advice is not None:
        return Reported(name, value.source, "no effect", None, advice)
    served = served_by(value)
    if served is not None:
        if not value.kind and served.convert(value.value) is None:
            return Reported(name, value.source, "no effect", served.name, served.note or "as it is anyway")
        winner = config.source(*_key(served.name))
        if winner != value.source:
            return Reported(name, value.source, "overridden", served.name, f"{winner} wins")
        return Reported(name, value.source, "used", served.name, served.note)
    if value.section not in SECTIONS:
        return Reported(name, value.source, "handed on", None, "packages and DAG files find it with conf.get()")
    if SECTIONS[value.section]:
        return Reported(f"{value.section}.*", value.source, "no effect", None, SECTIONS[value.section])
    keys = [key for section, key in (*SERVED, *UNSERVED) if section == value.section]
    close = difflib.get_close_matches(value.key, keys, n=1, cutoff=0.88)
    hint = f"did you mean {close[0]}?" if close else "Bide has no such setting; `bide config show` lists all"
    return Reported(name, value.source, "unknown", None, hint)


def _key(name: str) -> tuple[str, str]:
    section, _, key = name.partition(".")
    return section, key
