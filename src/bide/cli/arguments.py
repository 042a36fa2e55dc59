"""What people write on the command line, read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from bide.cli.exit_codes import BadInput


def read_conf(text: str | None) -> dict[str, Any]:
    """The JSON object of ``--conf``; :class:`BadInput` says where it is none."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"--conf is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput(f"--conf must be a JSON object such as '{{\"key\": 1}}', not {text}")
    return cast("dict[str, Any]", value)


def read_moment(flag: str, text: str | None, zone: str) -> datetime | None:
    """An ISO 8601 date or moment; without a zone of its own it is in `zone`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{flag} {text!r} is no date: write 2026-03-29 or 2026-03-29T01:30:00+00:00 (ISO 8601)"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))


def read_day(flag: str, text: str, *, whole: bool = False) -> datetime:
    """An ISO 8601 date or moment, without a zone unless it says one; of a date alone, with `whole` its end."""
    found = read_moment(flag, text, "UTC")
    assert found is not None
    if datetime.fromisoformat(text).tzinfo is None:
        found = found.replace(tzinfo=None)
    is_day = len(text) <= len("2026-03-29")
    return found + timedelta(days=1, microseconds=-1) if whole and is_day else found
