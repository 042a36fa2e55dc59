"""What a command line of Airflow's is made of, as entries of the table in :mod:`bide.cli.airflow.commands`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, NamedTuple

#: Values of an option or a positional argument as they were given; None or False where it was not.
Given = Mapping[str, Any]


class Option(NamedTuple):
    """An option that Airflow's command has."""

    #: As Airflow writes it.
    flags: tuple[str, ...]
    #: As Bide writes it; None if nothing is made of it.
    to: str | None = None
    takes_value: bool = False
    convert: Callable[[str], str | None] | None = None
    #: Why it can't be had, and what to do instead.
    refusal: str | None = None
    #: Said when it is given, for something that has no effect.
    note: str | None = None

    @property
    def name(self) -> str:
        """Its key in :data:`Given`, by its first flag."""
        return self.flags[0].lstrip("-").replace("-", "_")


class Place(NamedTuple):
    """A positional argument."""

    name: str
    may_be_missing: bool = False


class Made(NamedTuple):
    """A command line of Bide's."""

    arguments: Sequence[str]
    #: Set for it in the environment.
    environment: Mapping[str, str] = {}


class Command(NamedTuple):
    """A command of Airflow's, and what it is here."""

    #: Its words, as in ``dags trigger``.
    path: str
    #: Bide's words; empty where nothing is to be done, and `said` says why.
    bide: str = ""
    places: tuple[Place, ...] = ()
    options: tuple[Option, ...] = ()
    #: Makes the arguments behind Bide's words of what was given, where more is to be done than renaming.
    build: Callable[[Given], Made] | None = None
    said: str = ""
    #: What to use instead: the command can't be had.
    instead: str = ""
    #: Makes what Airflow's command would print of what Bide's prints as JSON.
    shape: Callable[[Any, Given], list[dict[str, Any]] | str] | None = None


def switch(*flags: str, to: str | None = None) -> Option:
    """A flag without a value; without `to` it has no effect."""
    return Option(flags, to)


def value(*flags: str, to: str | None = None, convert: Callable[[str], str | None] | None = None) -> Option:
    """An option with a value; without `to` it has no effect."""
    return Option(flags, to, takes_value=True, convert=convert)


def refused(*flags: str, why: str, takes_value: bool = False) -> Option:
    """An option whose meaning would be lost."""
    return Option(flags, takes_value=takes_value, refusal=why)


def noted(*flags: str, note: str, takes_value: bool = False) -> Option:
    """An option without effect, which is worth a word."""
    return Option(flags, takes_value=takes_value, note=note)


def places(text: str) -> tuple[Place, ...]:
    """Positional arguments: ``dag_id date?``."""
    return tuple(Place(word.rstrip("?"), word.endswith("?")) for word in text.split())


def _folder(path: str) -> str:
    return str(PurePath(path).parent) if path.endswith((".py", ".zip")) else path


def _json_or_nothing(form: str) -> str | None:
    # JSON is YAML; a plain table is a table in a pipe.
    return "json" if form in ("json", "yaml") else None


VERBOSE: Final = switch("--verbose", "-v")
SUBDIR: Final = value("--subdir", "-S", to="--dags", convert=_folder)
BUNDLE: Final = value("--bundle-name", "-B")
OUTPUT: Final = value("--output", "-o", to="--output", convert=_json_or_nothing)
YES: Final = switch("--yes", "-y", to="--yes")
NO_REGEX: Final = refused("--treat-dag-id-as-regex", "--treat-dag-as-regex", why="name one DAG at a time")
#: Of commands that read.
READING: Final = (VERBOSE, SUBDIR, BUNDLE, OUTPUT)
#: Of commands that serve.
SERVING: Final = (
    VERBOSE,
    SUBDIR,
    BUNDLE,
    refused("--daemon", "-D", why="let systemd, a container or `nohup ... &` keep it in the background"),
    switch("--debug", "--dev", "-d"),
    switch("--skip-serve-logs", "-s"),
    value("--pid"),
    value("--stdout"),
    value("--stderr"),
    value("--log-file", "-l"),
    value("--log-config"),
)
