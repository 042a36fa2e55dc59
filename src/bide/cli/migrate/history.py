"""The part of ``bide migrate import`` that takes over DAGs and their runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bide.cli.opening import open_or_make_store, this_person
from bide.cli.output import Row, say
from bide.config.resolved import Config
from bide.control.importing import OnExisting
from bide.control.take_over import Taken, last_due, take_over
from bide.store.airflow_history import PastDag, read_history

#: Newest runs of each DAG that are taken over, unless another number is asked for.
DEFAULT_RUNS: Final = 100


def show_history(url: str, newest: int) -> list[Row]:
    """What would be taken over of the DAGs of Airflow's database at `url`."""
    return [
        _row(past.dag_id, Taken(past.is_paused, len(past.runs), 0, last_due(past)), None)
        for past in read_history(url, newest)
    ]


async def import_history(config: Config, url: str, newest: int, on_existing: OnExisting) -> list[Row]:
    """Take over the DAGs of Airflow's database at `url`, one after the other, and what became of each."""
    rows: list[Row] = []
    unfinished: list[str] = []
    ticking: list[PastDag] = []
    by = this_person()
    async with open_or_make_store(config) as store:
        for past in read_history(url, newest):
            taken = await take_over(store, past, overwrite=on_existing == "overwrite", by=by)
            rows.append(_row(past.dag_id, taken, "imported"))
            if taken.unfinished:
                unfinished.append(past.dag_id)
            if past.is_ticking:
                ticking.append(past)
    _say_unfinished(unfinished)
    _say_ticking(ticking, config)
    return rows


def _row(dag_id: str, taken: Taken, done: str | None) -> Row:
    runs = "no runs" if not taken.runs else "1 run" if taken.runs == 1 else f"{taken.runs} runs"
    last = "" if taken.last is None else f", the last by schedule of {taken.last:%Y-%m-%d %H:%M} UTC"
    detail = f"{'paused' if taken.is_paused else 'not paused'}, {runs}{last}"
    return {"kind": "dag", "name": dag_id, "done": done, "detail": detail}


def _say_unfinished(dag_ids: Iterable[str]) -> None:
    if names := ", ".join(dag_ids):
        say(
            f"runs that had not ended in Airflow count as failed here: {names}; once Airflow is stopped, "
            "`bide tasks clear DAG --only-failed` runs what is left of them"
        )


def _say_ticking(dags: Iterable[PastDag], config: Config) -> None:
    """Airflow 3 gives runs the date of their tick, Bide by default that of the interval before it."""
    first = next(iter(dags), None)
    if first is not None and config.settings.scheduler.create_cron_data_intervals:
        say(
            f"cron schedules have no data intervals in this Airflow (such as that of {first.dag_id}), but here: "
            "set [scheduler] create_cron_data_intervals = false before DAGs run, to keep logical dates as they were"
        )
