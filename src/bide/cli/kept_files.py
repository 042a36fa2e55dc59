"""Files of variables and connections, as commands read and write them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from bide.authoring.local_files import SUFFIXES, parse_entries, read_entries
from bide.cli.exit_codes import BadInput
from bide.cli.options import Output
from bide.cli.output import say, tell
from bide.control.importing import OnExisting

ImportArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A .json, .yaml or .env file; - reads JSON from standard input.", show_default=False
    ),
]
ExportArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A .json or .env file; - prints JSON.", show_default=False),
]
OnExistingOption = Annotated[
    OnExisting,
    typer.Option(
        "--action-on-existing-key",
        "-a",
        help="What to do with a name that is taken. fail: nothing at all is imported.",
    ),
]
#: Standard input or output.
_STANDARD: Final = "-"


def read_file(path: Path) -> dict[str, Any]:
    """What a file to be imported says, by key."""
    if str(path) == _STANDARD:
        return parse_entries(sys.stdin.read(), ".json", name="the standard input")
    return read_entries(path)


def write_file(path: Path, entries: Mapping[str, Any]) -> None:
    """Write what :func:`read_file` reads; nobody else may read the file, since there are secrets in it."""
    if str(path) == _STANDARD:
        sys.stdout.write(_as_json(entries))
        return
    if path.suffix == ".env":
        text = "".join(f"{key}={_one_line(key, value)}\n" for key, value in entries.items())
    elif path.suffix == ".json":
        text = _as_json(entries)
    else:
        raise BadInput(f"{path}: what is exported is a .json or .env file ({', '.join(SUFFIXES)} can be imported)")
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} can't be written: {error.strerror}") from None


def tell_exported(count: int, what: str, path: Path, output: Output) -> None:
    """Say that `count` of `what` were exported; what went to standard output is there already."""
    message = f"{count} {what} are exported"
    if str(path) == _STANDARD:
        say(message)
    else:
        tell({"exported": count, "file": path}, output, message)


def _as_json(entries: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode() + "\n"


def _one_line(key: str, value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\n" in text or "\r" in text:
        raise BadInput(f"{key} has several lines, which a .env file can't hold: export to a .json file")
    return f'"{text}"' if text != text.strip() or text[:1] in "'\"" else text
