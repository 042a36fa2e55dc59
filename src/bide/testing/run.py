"""Running a DAG object in a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bide.authoring.connection import Connection
from bide.authoring.dag import DAG
from bide.authoring.local_files import as_connection, as_variable
from bide.authoring.moments import as_moment
from bide.control.variables import check_key
from bide.model.connection_fields import ConnectionFields, check_conn_id
from bide.model.errors import InvalidArgument
from bide.store.connections import ConnectionRow
from bide.store.variables import VariableRow
from bide.testing.clock import SkippingClock
from bide.testing.engine import InlineEngine, RunRequest
from bide.testing.events import Events, GivenEvents
from bide.testing.results import RunResult

#: What may stand for a connection.
ConnectionLike = str | Mapping[str, Any] | Connection

#: Time of its own that a run may take, if nothing else is said.
TIME_LIMIT: Final = timedelta(days=366)


def run_dag(
    dag: DAG,
    *,
    conf: dict[str, Any] | None = None,
    logical_date: datetime | date | str | None = None,
    run_id: str | None = None,
    clock: SkippingClock | None = None,
    events: Events | None = None,
    connections: Mapping[str, ConnectionLike] | None = None,
    variables: Mapping[str, Any] | None = None,
    raise_on_failure: bool = True,
    time_limit: timedelta = TIME_LIMIT,
) -> RunResult:
    """Run `dag` to its end in this process, with a store of its own that is gone afterwards.

    Everything is as in production, but processes: the store, the scheduler's duties, what surrounds a task. Tasks
    run in the calling thread, one at a time; triggers in an event loop beside it. Nothing is written to any other
    store, nor to ``$BIDE_HOME``. It is one run, whatever the DAG's schedule is: nothing watches assets, and events
    of assets that its tasks make start no other DAG.

    `clock` tells the run's time; the default, a new :class:`~bide.testing.clock.SkippingClock`, skips what is only
    waited for. `events` ends waits at once: by task id or trigger class a payload, a ``TriggerEvent``, an
    exception, or a function of the trigger that returns one of these. `time_limit` is of the run's own time.
    `connections` (a URI, an object of fields or a ``Connection`` by id) and `variables` (what is no text as its
    JSON) are what tasks find if the environment has none; no other store is asked.

    Raises :class:`~bide.testing.results.RunFailed` from the task's exception if the run fails, unless
    `raise_on_failure` is false; :class:`~bide.testing.results.RunStuck` if it waits for what can't happen.
    """
    __tracebackhide__ = True
    if not isinstance(dag, DAG):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"run_dag: this takes a DAG, not {dag!r}; a function made with @dag has to be called")
    request = RunRequest(
        dag=dag,
        conf=conf,
        logical_date=moment_of(logical_date),
        run_id=run_id,
        clock=clock or SkippingClock(),
        events=GivenEvents(events, dag),
        time_limit=time_limit,
        connections=given_connections(connections),
        variables=given_variables(variables),
    )
    result = run_request(request)
    if raise_on_failure:
        result.raise_for_failure()
    return result


def given_connections(given: Mapping[str, ConnectionLike] | None) -> list[ConnectionRow]:
    """What the run's store is to have. Raises :class:`InvalidArgument` naming what is no connection."""
    return [ConnectionRow(check_conn_id(key), _connection(key, value)) for key, value in (given or {}).items()]


def _connection(key: str, value: ConnectionLike) -> ConnectionFields:
    return value.fields if isinstance(value, Connection) else as_connection(value, what=f"connection {key!r}")


def given_variables(given: Mapping[str, Any] | None) -> list[VariableRow]:
    """What the run's store is to have."""
    return [VariableRow(check_key(key), as_variable(value)) for key, value in (given or {}).items()]


def moment_of(value: datetime | date | str | None) -> datetime | None:
    """The moment in UTC that a person means."""
    found = as_moment(value, name="logical_date", of="run")
    return None if found is None else found.astimezone(UTC)


def run_request(request: RunRequest) -> RunResult:
    """Run it in this thread; in another one if this has an event loop, which async tasks could not bear."""
    __tracebackhide__ = True
    engine = InlineEngine(request)
    if not _in_event_loop():
        return engine.run()
    found: list[RunResult | BaseException] = []

    def run() -> None:
        try:
            found.append(engine.run())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run, name="bide-run")
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
