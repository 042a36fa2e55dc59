"""Reading cron expressions as Airflow does, for the library that walks through their moments.

Beyond five fields of numbers, names, lists, ranges and steps there may be a sixth, of seconds, at the end. Ranges
may go round (``22-4``, ``fri-mon``), ``?`` is ``*``, and a day counts that matches either of day and weekday,
unless one of them is any.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from cronsim import CronSimError
from cronsim.cronsim import Field

#: Of minute, hour, day, month, weekday, second.
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6), (0, 59))
_FIELDS: Final = (Field.MINUTE, Field.HOUR, Field.DAY, Field.MONTH, Field.DOW, Field.SECOND)
_LENGTHS: Final = (5, 6)


class CronText(NamedTuple):
    """An expression, ready to be walked through."""

    #: In the form of :class:`cronsim.CronSim`: seconds, if any, are the first of six fields.
    expression: str
    #: It is due at some time of every hour, so that it follows hours that pass rather than the clock on the wall.
    every_hour: bool


@lru_cache(maxsize=1024)
def read_cron(text: str) -> CronText:
    """Read an expression; ValueError with the reason if it can't be."""
    parts = text.upper().split()
    if len(parts) not in _LENGTHS:
        raise ValueError(
            "a cron expression has five fields (minute hour day month weekday), or six with seconds at the end"
        )
    fields = [_field(number, part) for number, part in enumerate(parts)]
    ordered = [*fields[5:], *fields[:5]]
    return CronText(" ".join(ordered), fields[1] == "*")


def _field(number: int, part: str) -> str:
    field, (low, high) = _FIELDS[number], _BOUNDS[number]
    if part == "?" and field in (Field.DAY, Field.DOW):
        return "*"
    plain = ",".join(dict.fromkeys(item for term in part.split(",") for item in _term(number, term)))
    try:
        values = field.parse(plain)
    except CronSimError as error:
        raise ValueError(f"{error} (minute hour day month weekday)") from error
    # However it is written, what allows everything is any.
    return "*" if values >= set(range(low, high + 1)) else plain


def _term(number: int, term: str) -> list[str]:
    """One part of a list, as one or more of those that the library reads the same way."""
    low, high = _BOUNDS[number]
    field = _FIELDS[number]
    span, _, step = term.partition("/")
    if span == "*":
        # With a step it is a choice of days like any other; the library would ask for day and weekday then.
        return ["*"] if not step or step == "1" else [f"{low}-{high}/{step}"]
    if field is Field.DOW and span.startswith("L") and len(span) > 1:
        return [f"{span[1:]}L"]
    first, dash, last = span.partition("-")
    if not dash or "#" in term:
        return [term]
    begin, end = _number(field, first), _number(field, last)
    if begin <= end:
        return [term]
    if step and (not step.isdigit() or int(step) == 0):
        raise ValueError(f"Bad {field.name.lower()}: {step!r} is no step")
    return [str(one) for one in [*range(begin, high + 1), *range(low, end + 1)][:: int(step or 1)]]


def _number(field: Field, text: str) -> int:
    try:
        return field.int(text)
    except CronSimError as error:
        raise ValueError(f"{error} (minute hour day month weekday)") from error
