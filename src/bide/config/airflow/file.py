"""Reading ``airflow.cfg``: which one, and what it says on which line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from bide.model.errors import ConfigError

CONFIG_FILE: Final = "airflow.cfg"
#: Names the file itself.
FILE_VARIABLE: Final = "AIRFLOW_CONFIG"
#: Names the folder that it is in.
HOME_VARIABLE: Final = "AIRFLOW_HOME"

_SECTION: Final = re.compile(r"\[([^\]]+)\]\s*(?:[#;].*)?$")
_KEY: Final = re.compile(r"([^\s=:#;\[][^=:]*?)\s*[=:]\s*(.*)$")
#: Behind a value; a # within a word belongs to it.
_COMMENT: Final = re.compile(r"\s+#.*$|^#.*$")


class Written(NamedTuple):
    """One setting of a file, in lower case."""

    section: str
    key: str
    value: str
    line: int


def find_airflow_file(project: Path, environ: Mapping[str, str]) -> Path | None:
    """``$AIRFLOW_CONFIG``, else ``airflow.cfg`` in ``$AIRFLOW_HOME``, else in the project folder, if it is there.

    Raises :class:`ConfigError` if ``$AIRFLOW_CONFIG`` names one that is not there.
    """
    if named := environ.get(FILE_VARIABLE):
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise ConfigError(f"{FILE_VARIABLE}: there is no file {path}")
        return path
    folder = airflow_home(environ) or project
    return folder / CONFIG_FILE if (folder / CONFIG_FILE).is_file() else None


def airflow_home(environ: Mapping[str, str]) -> Path | None:
    """``$AIRFLOW_HOME``, if it is set."""
    given = environ.get(HOME_VARIABLE)
    return Path(given).expanduser().absolute() if given else None


def read_airflow_file(path: Path) -> list[Written]:
    """What `path` says, in its order. Raises :class:`ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: byte {error.start}") from error
    return list(_settings(path, text.splitlines()))


def _settings(path: Path, lines: list[str]) -> Iterator[Written]:
    section, number = "", 0
    while number < len(lines):
        line, number = lines[number], number + 1
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if header := _SECTION.match(line.strip()):
            section = header[1].strip().lower()
            continue
        match = _KEY.match(line.strip())
        if match is None or not section:
            raise ConfigError(f"{path}:{number}: a line is [section], key = value, or a comment behind #")
        first, parts = number, [_value(match[2])]
        while number < len(lines) and _goes_on(lines[number], parts):
            parts.append(_value(lines[number].strip()))
            number += 1
        value = "\n".join(part for part in parts if part).replace("%%", "%")
        yield Written(section, match[1].strip().lower(), value, first)


def _value(text: str) -> str:
    return _COMMENT.sub("", text).strip()


def _goes_on(line: str, parts: list[str]) -> bool:
    """Whether a line continues a value: it is indented, or the JSON before it is not closed."""
    if not line.strip():
        return False
    text = "".join(parts)
    is_open = text.startswith(("{", "[")) and text.count("{") + text.count("[") > text.count("}") + text.count("]")
    return is_open or (line[0].isspace() and not line.lstrip().startswith(("#", ";")))
