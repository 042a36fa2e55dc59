"""The settings of this process, read once and handed down.

Sources in rising order: defaults, ``airflow.cfg``, ``bide.toml`` in the project folder, the environment
(``AIRFLOW__SECTION__KEY``, then ``BIDE__SECTION__KEY``), flags. Of Bide's own names one that no setting has is
refused, and so is a value of the wrong type, with the name of the source. Airflow's other names are let be:
:mod:`bide.config.airflow.report` tells of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bide.config.airflow.names import Convert, same
from bide.config.airflow.source import AirflowValue, airflow_values, handed_on, translated
from bide.config.fernet_keys import is_key
from bide.config.given_elsewhere import (
    COMMAND,
    KINDS,
    SECRET,
    Elsewhere,
    ask_backend,
    check_asked,
    command_output,
)
from bide.config.project import CONFIG_FILE, find_home, find_project
from bide.config.resolved import SQLITE, Config
from bide.config.settings import Settings
from bide.config.table import SettingRow, sections, setting_rows, show_value
from bide.config.toml_file import key_lines, read_toml
from bide.config.urls import hide_password, password_of
from bide.model.errors import ConfigError
from bide.model.log_path import check_log_template
from bide.observe.masking import MASK, add_secret, use_secret_names

_PREFIX = "BIDE__"
#: Words for booleans in the environment, beside those that JSON has.
_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False}


class Given(NamedTuple):
    """One value that some source gives."""

    section: str
    key: str
    #: An :class:`Elsewhere` has to be asked for.
    value: Any
    #: ``bide.toml:4``, a variable or a flag.
    source: str
    #: The value is text, whatever the setting's type is.
    is_text: bool
    #: What becomes of the text that was asked for.
    convert: Convert = same
    #: Whether it is shown to nobody.
    is_hidden: bool = False


def load_config(
    cwd: Path, environ: Mapping[str, str], flags: Mapping[tuple[str, str], tuple[str, Any]] | None = None
) -> Config:
    """Read all sources for a process that works in `cwd`.

    `flags` maps (section, key) to the flag's name and its value. Raises :class:`ConfigError`.
    """
    project = find_project(cwd, environ)
    airflow_file, airflow_variables = airflow_values(project, environ)
    written = [
        *_from_airflow(airflow_file),
        *_from_file(project / CONFIG_FILE),
        *_from_airflow(airflow_variables),
        *_from_environment(environ),
        *_from_flags(flags or {}),
    ]
    given = list(_with_commands(written))
    config = _read(given, project, environ, airflow_file)
    secrets = {one.source: one.value.text for one in given if _is_kept(one, config)}
    if secrets:
        found = ask_backend(config.backend, secrets, environ)
        known = [_asked(one, found[one.source]) if _is_kept(one, config) else one for one in given]
        config = _read(known, project, environ, airflow_file)
    use_secret_names(config.settings.core.sensitive_var_conn_names)
    return config


def _read(
    given: Sequence[Given], project: Path, environ: Mapping[str, str], airflow: Iterable[AirflowValue]
) -> Config:
    """What `given` comes to; settings that a backend of secrets has are at their defaults, and have a source."""
    values: dict[str, dict[str, Any]] = {section: {} for section in sections()}
    sources: dict[tuple[str, str], str] = {}
    for item in given:
        row = _find_row(item)
        if isinstance(item.value, Elsewhere):
            check_asked(item.section, item.key, item.source)
            values[item.section].pop(item.key, None)
            sources[item.section, item.key] = item.source
            continue
        if item.value is None:
            continue
        value = _convert(item, row)
        _check(item, value)
        values[item.section][item.key] = value
        sources[item.section, item.key] = item.source
    return Config(
        settings=msgspec.convert(values, type=Settings),
        sources=sources,
        project=project,
        home=find_home(project, environ),
        airflow=handed_on(airflow),
    )


def _with_commands(given: Sequence[Given]) -> Iterator[Given]:
    """`given` with what commands print; what has to be asked for, but would not count, is left out."""
    last = {(one.section, one.key): one for one in given}
    for one in given:
        if not isinstance(one.value, Elsewhere):
            yield one
        elif last[one.section, one.key] is one:
            is_command = one.value.kind == COMMAND
            yield _asked(one, command_output(one.value.text, one.source)) if is_command else one


def _is_kept(one: Given, config: Config) -> bool:
    """Whether a backend of secrets has the setting, and nothing else gives it."""
    is_secret = isinstance(one.value, Elsewhere) and one.value.kind == SECRET
    return is_secret and config.source(one.section, one.key) == one.source


def _asked(one: Given, text: str) -> Given:
    """The setting as it was answered; one that comes to nothing is as if it was not given."""
    return one._replace(value=one.convert(text) if text else None, is_hidden=True)


def _from_file(path: Path) -> Iterator[Given]:
    if not path.is_file():
        return
    tables = read_toml(path)
    lines = key_lines(path.read_text(encoding="utf-8"))
    for section, table in tables.items():
        place = _place(path, lines.get((section,)))
        if not isinstance(table, dict):
            raise ConfigError(f"{place}: {section} = ... stands outside of a section; write [section] above it")
        if section not in sections():
            raise ConfigError(f"{place}: there is no section [{section}]{_suggest(section, sections())}")
        for key, value in cast("dict[str, Any]", table).items():
            yield Given(section, key, value, _place(path, lines.get((section, key))), False)


def _place(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}:{line}"


def _from_airflow(values: Iterable[AirflowValue]) -> Iterator[Given]:
    for one in translated(values):
        yield Given(one.section, one.key, one.value, one.source, True, one.convert)


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    given = [variable for variable in sorted(environ) if variable.startswith(_PREFIX)]
    for variable in sorted(given, key=lambda name: KINDS.index(_kind(name))):
        section, separator, key = variable.removeprefix(_PREFIX).lower().partition("__")
        if not separator or section not in sections():
            names = [row.variable for row in setting_rows().values()]
            raise ConfigError(f"{variable}: there is no such setting{_suggest(variable, names)}")
        kind = _kind(variable)
        base = key.removesuffix(kind)
        if kind and (section, base) in setting_rows():
            yield Given(section, base, Elsewhere(kind, environ[variable]), variable, True)
        else:
            yield Given(section, key, environ[variable], variable, True)


def _kind(variable: str) -> str:
    return next((kind for kind in (SECRET, COMMAND) if variable.lower().endswith(kind)), "")


def _from_flags(flags: Mapping[tuple[str, str], tuple[str, Any]]) -> Iterator[Given]:
    for (section, key), (flag, value) in flags.items():
        yield Given(section, key, value, flag, False)


def _find_row(item: Given) -> SettingRow:
    row = setting_rows().get((item.section, item.key))
    if row is None:
        keys = [key for section, key in setting_rows() if section == item.section]
        elsewhere = [row.name for row in setting_rows().values() if row.key == item.key]
        hint = f"; did you mean {elsewhere[0]}?" if elsewhere else _suggest(item.key, keys)
        raise ConfigError(f"{item.source}: section [{item.section}] has no setting {item.key!r}{hint}")
    return row


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= 12 else "; `bide config show` lists all"


def _convert(item: Given, row: SettingRow) -> Any:
    value = _read_text(item.value, row) if item.is_text else item.value
    try:
        return msgspec.convert(value, type=row.type, strict=not item.is_text)
    except msgspec.ValidationError:
        shown = (
            MASK
            if row.is_secret or item.is_hidden
            else repr(item.value)
            if item.is_text
            else show_value(item.value)
        )
        raise ConfigError(f"{item.source}: {row.name} is {row.type_name}, not {shown}") from None


def _read_text(text: str, row: SettingRow) -> Any:
    """Turn what an environment variable holds into what the type's conversion takes."""
    if get_origin(row.type.__origin__) is list:
        if text.lstrip().startswith("["):
            try:
                return msgspec.json.decode(text)
            except msgspec.DecodeError:
                return text
        return [part.strip() for part in text.split(",") if part.strip()]
    if row.type.__origin__ is bool:
        return _BOOLEANS.get(text.strip().lower(), text.strip().lower())
    if get_origin(row.type.__origin__) is Literal:
        choices: tuple[object, ...] = get_args(row.type.__origin__)
        return next((choice for choice in choices if str(choice).lower() == text.strip().lower()), text)
    return text


def _check(item: Given, value: Any) -> None:
    """What a type can't say."""
    match (item.section, item.key):
        case ("core", "default_timezone"):
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ConfigError(
                    f"{item.source}: core.default_timezone: no time zone is called {value!r}"
                ) from None
        case ("store", "url"):
            _check_store_url(item, value)
        case ("api", "base_url"):
            _check_base_url(item, value)
        case ("secrets", "backend_kwargs"):
            _check_kwargs(item, value)
        case ("core", "fernet_key"):
            _check_keys(item, value)
        case ("logging", "log_filename_template"):
            try:
                check_log_template(value)
            except ConfigError as error:
                raise ConfigError(f"{item.source}: logging.log_filename_template: {error}") from None
        case _:
            return


def _check_store_url(item: Given, url: str) -> None:
    """An SQLite file, or a database on PostgreSQL; the driver is ours to choose."""
    add_secret(password_of(url))
    scheme, _, rest = url.partition("://")
    is_file = url.startswith(SQLITE) and url != SQLITE
    if not is_file and not (scheme.partition("+")[0] == "postgresql" and rest.partition("/")[2].partition("?")[0]):
        raise ConfigError(
            f"{item.source}: store.url must be {SQLITE} and a path, or postgresql://USER@HOST/DATABASE, "
            f"not {hide_password(url)!r}"
        )


def _check_base_url(item: Given, url: str) -> None:
    parsed = urlsplit(url)
    if url and (parsed.scheme not in ("http", "https") or not parsed.hostname or parsed.query or parsed.fragment):
        raise ConfigError(
            f"{item.source}: api.base_url must be a URL such as https://bide.example.com, not {url!r}"
        )


def _check_kwargs(item: Given, text: str) -> None:
    try:
        found = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{item.source}: secrets.backend_kwargs must be a JSON object")


def _check_keys(item: Given, keys: Sequence[str]) -> None:
    for number, key in enumerate(keys, 1):
        if not is_key(key):
            raise ConfigError(
                f"{item.source}: core.fernet_key: key {number} of {len(keys)} is no Fernet key (32 bytes in "
                "URL-safe base64); `bide crypto generate-key` makes one"
            )
