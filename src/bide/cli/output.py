"""Rows as a table for people or as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any, cast

import msgspec

from bide.cli.options import Output
from bide.model.ids import NOT_MAPPED

#: Values by name, in the order of columns.
Row = Mapping[str, Any]


def show_rows(rows: Sequence[Row], output: Output, *, title: str = "", empty: str = "nothing to show") -> None:
    """Print `rows`, which all have the same keys, to stdout; instead of a table without rows, say `empty`.

    A table leaves out columns that have nothing in any row.
    """
    if output is Output.JSON:
        show_json(list(rows))
        return
    from rich.table import Table

    if not rows:
        say(empty)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    columns = [name for name in rows[0] if any(_says_something(name, row[name]) for row in rows)]
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row[name]) for name in columns))
    print_rich(table)


def _says_something(name: str, value: Any) -> bool:
    """Whether a column is worth its room; programs get all of them."""
    return value != NOT_MAPPED if name == "map_index" else value is not None


def show_record(record: Row, output: Output) -> None:
    """Print one record: a line for each field, or a JSON object."""
    if output is Output.JSON:
        show_json(record)
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name.replace("_", " "), cell(value))
    print_rich(table)


def show_json(value: Any) -> None:
    """Print `value` as JSON, indented; moments are ISO 8601."""
    encoded = msgspec.json.encode(value, enc_hook=_encode_other)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
    sys.stdout.flush()


def print_rich(renderable: Any) -> None:
    """Print a Rich renderable to stdout; a pipe gets the full width, so that no cell is cut."""
    from rich.console import Console

    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    console.print(renderable)


#: Columns of a line that no person looks at.
_PIPE_WIDTH = 1000


def say(message: str) -> None:
    """Tell the person something that is no result: to stderr."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def tell(record: Row, output: Output, message: str) -> None:
    """Say what a command has done: `message` to people, `record` as JSON to programs."""
    if output is Output.JSON:
        show_json(record)
    else:
        say(message)


def cell(value: Any) -> str:
    """`value` as a cell shows it, with Rich's markup escaped."""
    from rich.markup import escape

    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return moment(value)
        case list() | tuple():
            return escape(", ".join(str(part) for part in cast("Sequence[object]", value)))
        case dict():
            return escape(msgspec.json.encode(value, enc_hook=_encode_other).decode())
        case _:
            return escape(str(value))


def moment(value: datetime | None) -> str:
    """`value` to the second, in UTC."""
    return "" if value is None else value.isoformat(timespec="seconds")


def span(seconds: float | None) -> str:
    """A duration for people: ``0.24s``, ``12s``, ``3m 04s``, ``2h 05m``, ``3d 04h``."""
    if seconds is None:
        return ""
    if seconds < 0:
        return "-" + span(-seconds)
    if seconds < 10:
        return f"{seconds:.2f}s" if seconds < 1 else f"{seconds:.1f}s"
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    if minutes:
        return f"{minutes}m {rest:02}s"
    return f"{rest}s"


def _encode_other(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} in the output: {value!r}")
