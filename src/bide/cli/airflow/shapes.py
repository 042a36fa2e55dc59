"""What scripts read of Airflow's commands: rows with Airflow's columns, or one word, made of Bide's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bide.cli.airflow.options import Given
from bide.cli.exit_codes import BadInput

Row = dict[str, Any]
#: Rows, or the text as it is.
Shaped = list[Row] | str
#: Makes it of what Bide's command has printed as JSON, and of what was given.
Shape = Callable[[Any, Given], Shaped]


def dags(found: Sequence[Row], given: Given) -> Shaped:
    """``dags list``."""
    return [
        {
            "dag_id": row["dag_id"],
            "fileloc": row["file"],
            "owners": [row["owner"]],
            # What no engine has seen yet is not paused.
            "is_paused": bool(row["paused"]),
        }
        for row in found
    ]


def paused(found: Row, given: Given) -> Shaped:
    """``dags pause`` and ``unpause``: how it is now."""
    return [{"dag_id": found["dag_id"], "is_paused": found["paused"]}]


def triggered(found: Row, given: Given) -> Shaped:
    """``dags trigger``."""
    conf: Any = json.loads(given["conf"]) if given.get("conf") else {}
    return [
        {
            "conf": conf,
            "dag_id": found["dag_id"],
            "dag_run_id": found["run_id"],
            "logical_date": found["logical_date"],
            "state": found["state"],
        }
    ]


def runs(found: Sequence[Row], given: Given) -> Shaped:
    """``dags list-runs``, between two dates if they are given."""
    first, last = _date(given.get("start_date")), _date(given.get("end_date"))
    rows: list[Row] = []
    for row in found:
        date = _date(row["logical_date"])
        if date is not None and ((first is not None and date < first) or (last is not None and date > last)):
            continue
        if given.get("no_backfill") and row["type"] == "backfill":
            continue
        rows.append(
            {
                "dag_id": row["dag_id"],
                "run_id": row["run_id"],
                "state": row["state"],
                "logical_date": row["logical_date"],
                "start_date": row["start"],
                "end_date": row["end"],
            }
        )
    return rows


def state(found: Row, given: Given) -> Shaped:
    """``dags state``, ``tasks state``."""
    return f"{found['state']}\n"


def next_dates(found: Sequence[Row], given: Given) -> Shaped:
    """``dags next-execution``: a line for each."""
    return "".join(f"{row['logical_date'].replace('Z', '+00:00')}\n" for row in found) or "None\n"


def states_of_run(found: Row, given: Given) -> Shaped:
    """``tasks states-for-dag-run``."""
    return [
        {
            "dag_id": found["dag_id"],
            "logical_date": found["logical_date"],
            "task_id": task["task_id"],
            "state": task["state"],
            "start_date": task["start"],
            "end_date": task["end"],
            "map_index": task["map_index"] if task["map_index"] >= 0 else "",
        }
        for task in found["tasks"]
    ]


def connections(found: Sequence[Row] | Row, given: Given) -> Shaped:
    """``connections list`` and ``get``."""
    rows = [found] if isinstance(found, dict) else found
    fields = ("conn_id", "conn_type", "description", "host", "schema", "login", "password", "port")
    return [
        {
            **{name: row[name] for name in fields},
            "is_encrypted": True,
            "is_extra_encrypted": True,
            "extra_dejson": row["extra"] or {},
            **({"get_uri": row["uri"]} if "uri" in row else {}),
        }
        for row in rows
    ]


def keys(found: Sequence[Row], given: Given) -> Shaped:
    """``variables list``."""
    fields = ("key", "value") if given.get("show_values") else ("key",)
    return [{name: row[name] for name in fields} for row in found]


def providers(found: Sequence[Row], given: Given) -> Shaped:
    """``providers list``."""
    return [{"package_name": row["package"], "version": row["version"]} for row in found]


def pools(found: Sequence[Row] | Row, given: Given) -> Shaped:
    """``pools list``, ``get`` and ``set``."""
    rows = [found] if isinstance(found, dict) else found
    return [{name: row[name] for name in ("pool", "slots", "description", "include_deferred")} for row in rows]


class NotAlive(Exception):
    """There is no engine that lives: what ``jobs check`` says then."""


def alive(found: Row, given: Given) -> Shaped:
    """``jobs check``. Raises :class:`NotAlive`."""
    if found["engine"] is None:
        raise NotAlive("No alive jobs found.")
    return "Found one alive job.\n"


def render(shaped: Shaped, form: str) -> str:
    """The text to print of it: ``table``, ``plain``, ``json`` or ``yaml``."""
    if isinstance(shaped, str):
        return shaped
    if form in ("json", "yaml"):
        # JSON is YAML; as there, a value that is no text, list or object is a text.
        rows = [{name: _as_json(value) for name, value in row.items()} for row in shaped]
        return json.dumps(rows) + "\n"
    if not shaped:
        return "No data found\n"
    return _table(shaped, " | ", "=") if form == "table" else _table(shaped, "  ", "")


def _as_json(value: Any) -> Any:
    return str(value) if isinstance(value, bool | int | float) else value


def _table(rows: Sequence[Mapping[str, Any]], between: str, rule: str) -> str:
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(rows[0]))]
    if rule:
        lines.insert(1, [rule * width for width in widths])
    told: list[str] = []
    for line in lines:
        separator = between.replace(" ", rule).replace("|", "+") if rule and line is lines[1] else between
        told.append(separator.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return "\n".join(told) + "\n"


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case list():
            return ",".join(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case _:
            return str(value)


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no date: write 2024-01-31, or with a time 2024-01-31T06:00:00+00:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
