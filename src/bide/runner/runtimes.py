"""The :class:`~bide.authoring.runtime.Runtime` that user code finds in a runner."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, Protocol

import msgspec

from bide.authoring.journal import Journal, keeping
from bide.authoring.runtime import FoundVariable, NoRuntime, StateKind, XComRecord
from bide.authoring.xcom_storage import Place
from bide.model.clock import Clock
from bide.model.connection_fields import ConnectionFields
from bide.model.errors import InvalidArgument
from bide.model.journal import RESUME_BY_REPLAY, JournalEntry
from bide.model.storable_text import is_storable
from bide.model.values import decode, encode
from bide.observe.masking import add_secret
from bide.runner.asset_events import NoAssetEvents, ReadsAssetEvents
from bide.runner.interrupts import Interrupts
from bide.runner.mapped_results import MappedResults
from bide.runner.other_runs import NoOtherRuns, OtherRuns
from bide.runner.refusals import unexpected as unexpected
from bide.runner.settings import setting, xcom_storage
from bide.runner.split_values import length_of
from bide.runner.stored_xcoms import stored_xcom
from bide.runner.xcom_reading import read_xcom as read_xcom
from bide.wire.kept import CallbackUrl, DeleteTaskState, GetTaskState, MintCallback, SetTaskState, TaskStateValue
from bide.wire.lookups import (
    ConnectionFound,
    DeleteVariable,
    GetConnection,
    GetVariable,
    Lookup,
    SetVariable,
    VariableDeleted,
    VariableFound,
)
from bide.wire.messages import (
    AnyMessage,
    Ok,
    PullXCom,
    PushXCom,
    RecordEntries,
    RunTask,
    XComs,
    XComValue,
)


class ProcessRuntime(NoAssetEvents, NoOtherRuns):
    """In the parser and the trigger runner: a clock, settings and whom to ask for variables, but no task."""

    def __init__(self, clock: Clock, lookups: EngineLink | None = None) -> None:
        """Without `lookups` there is nobody to ask for connections and variables, and so there are none."""
        self._clock = clock
        self._lookups = lookups

    def now(self) -> datetime:
        """The current moment in UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring spans."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so much time go by in this thread."""
        self._clock.sleep(seconds)

    def setting(self, section: str, key: str) -> str | None:
        """A setting that user code may see, as text; None if it is not set."""
        return setting(section, key)

    def push_xcom(self, key: str, value: Any) -> None:
        """Refused: there is no task."""
        raise NoRuntime(f"XCom {key!r} can't be pushed here: no task is running in this process")

    def replaying(
        self, inputs: Mapping[str, Any], *, replay: bool
    ) -> AbstractContextManager[Mapping[str, Any] | None]:
        """Without a journal: there is no task."""
        return nullcontext()

    def pull_xcoms(
        self,
        task_ids: Sequence[str],
        key: str | None,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_indexes: Sequence[int] | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        """Refused: there is no task."""
        raise NoRuntime(f"XCom {key!r} can't be pulled here: no task is running in this process")

    def xcom_element(self, task_id: str, key: str, position: int, *, stamp: str) -> Any:
        """Refused: there is no task."""
        raise self._no_results(task_id)

    def mapped_xcoms(self, task_id: str, key: str, first: int, number: int) -> list[Any]:
        """Refused: there is no task."""
        raise self._no_results(task_id)

    def count_mapped_xcoms(self, task_id: str, key: str) -> int:
        """Refused: there is no task."""
        raise self._no_results(task_id)

    def _no_results(self, task_id: str) -> NoRuntime:
        return NoRuntime(f"results of task {task_id!r} can't be read here: no task is running in this process")

    def callback_url(self, name: str) -> str:
        """Refused: there is no task."""
        raise NoRuntime(f"callback_url({name!r}) can't be asked here: no task is running in this process")

    def get_task_state(self, kind: StateKind, key: str, default: Any = None) -> Any:
        """Refused: there is no task."""
        raise self._no_state(key)

    def set_task_state(self, kind: StateKind, key: str, value: Any) -> None:
        """Refused: there is no task."""
        raise self._no_state(key)

    def delete_task_state(self, kind: StateKind, key: str | None) -> None:
        """Refused: there is no task."""
        raise self._no_state(key)

    def find_connection(self, conn_id: str) -> ConnectionFields | None:
        """What the engine knows of a connection; None if it knows of none."""
        reply = self._look_up(GetConnection(conn_id))
        if reply is None:
            return None
        if not isinstance(reply, ConnectionFound):
            raise unexpected(reply, f"the connection {conn_id!r} can't be looked up")
        return reply.fields

    def find_variable(self, key: str) -> FoundVariable | None:
        """What the engine knows of a variable; None if it knows of none."""
        reply = self._look_up(GetVariable(key))
        if reply is None:
            return None
        if not isinstance(reply, VariableFound):
            raise unexpected(reply, f"the variable {key!r} can't be looked up")
        return None if reply.value is None else FoundVariable(reply.value, reply.is_secret)

    def _look_up(self, body: Lookup) -> AnyMessage | None:
        """The engine's answer; None if there is nobody to ask."""
        return None if self._lookups is None else self._lookups.request(body)

    def set_variable(self, key: str, value: str, description: str | None, is_secret: bool | None) -> None:
        """Refused: there is no task."""
        raise NoRuntime(f"the variable {key!r} can't be set here: only a running task may do that")

    def delete_variable(self, key: str) -> bool:
        """Refused: there is no task."""
        raise NoRuntime(f"the variable {key!r} can't be deleted here: only a running task may do that")

    def _no_state(self, key: str | None) -> NoRuntime:
        return NoRuntime(f"the task state {key!r} can't be used here: no task is running in this process")


class Line(Protocol):
    """Carries messages to the engine: a :class:`~bide.wire.channel.Channel`, or a call within one process."""

    def send(self, body: AnyMessage, *, instance: str, epoch: int) -> None:
        """Say something that needs no reply."""
        ...

    def request(self, body: AnyMessage, *, instance: str, epoch: int) -> AnyMessage:
        """Ask and wait for the answer."""
        ...


class EngineLink(Protocol):
    """Asks the engine on behalf of one instance."""

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer; :class:`~bide.wire.channel.ChannelClosed` if the engine is gone."""
        ...


class TaskLink:
    """What a task runner says to the engine about one instance, and hears."""

    def __init__(self, line: Line, order: RunTask, interrupts: Interrupts) -> None:
        self._line = line
        self._instance = order.instance.id
        self._epoch = order.epoch
        self._interrupts = interrupts

    def send(self, body: AnyMessage) -> None:
        """Say something that needs no reply."""
        with self._interrupts.shielded():
            self._line.send(body, instance=self._instance, epoch=self._epoch)

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer; :class:`~bide.wire.channel.ChannelClosed` if the engine is gone."""
        with self._interrupts.shielded():
            return self._line.request(body, instance=self._instance, epoch=self._epoch)


class TaskRuntime(MappedResults, OtherRuns, ReadsAssetEvents, ProcessRuntime):
    """In the task runner: also the XComs of the run."""

    def __init__(self, clock: Clock, order: RunTask, link: EngineLink) -> None:
        super().__init__(clock, link)
        self._link = link
        self._own = (order.instance.dag_id, order.run.run_id)
        names = order.instance
        self._place = Place(names.dag_id, names.run_id, names.task_id, names.map_index, order.try_number)
        self._journal = order.journal
        self._resume = order.resume
        self._try_number = order.try_number
        self._callback_urls: dict[str, str] = {}
        #: Came with the order, so that most tasks need not ask.
        self._sent_along: dict[tuple[str, str], list[XComValue]] = {}
        for value in order.xcoms:
            self._sent_along.setdefault((value.task_id, value.key), []).append(value)

    @contextmanager
    def replaying(self, inputs: Mapping[str, Any], *, replay: bool) -> Generator[Mapping[str, Any] | None]:
        """A context in which the task's function may use ``wait()`` and ``step()``."""
        journal = Journal(self, try_number=self._try_number, replay=replay, inputs=lambda: dict(inputs))
        with keeping(journal):
            yield journal.frozen_inputs()
        journal.check_end()

    def journal_entries(self) -> Sequence[JournalEntry]:
        """What the running function may take over from its earlier segments and tries."""
        return self._journal

    def resumed_wait(self) -> str | None:
        """Key of the journal's wait whose end began this segment; None if it began otherwise."""
        if self._resume is None or self._resume.method != RESUME_BY_REPLAY:
            return None
        return decode(self._resume.kwargs)["key"]

    def stored_xcom(self, key: str, value: Any) -> bytes:
        """What the engine is to keep of a value: itself encoded, or where in object storage it is now.

        Raises :class:`~bide.model.errors.NotSerializable` naming the part that can't be stored.
        """
        return stored_xcom(self._place, key, value)

    def purge_earlier(self) -> None:
        """Remove from object storage what earlier tries have left."""
        storage = xcom_storage()
        if storage is not None and self._place.try_number > 1:
            storage.purge_earlier(self._place)

    def record_entries(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries of the running function's journal; durable on return."""
        reply = self._link.request(RecordEntries(entries=tuple(entries)))
        if not isinstance(reply, Ok):
            raise unexpected(reply, f"{entries[-1].key} can't be kept")

    def push_xcom(self, key: str, value: Any) -> None:
        """Store `value` for the running task instance; durable on return."""
        if not isinstance(key, str) or not key:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"the key of an XCom must be a string of one character or more, not {key!r}")
        if not is_storable(key):
            raise InvalidArgument(f"the key of an XCom must be text that can be stored, not {key!r}")
        message = PushXCom(key=key, value=self.stored_xcom(key, value), length=length_of(value))
        reply = self._link.request(message)
        if not isinstance(reply, Ok):
            raise unexpected(reply, f"XCom {key!r} can't be pushed")

    def pull_xcoms(
        self,
        task_ids: Sequence[str],
        key: str | None,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_indexes: Sequence[int] | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        """Stored values, by task id in the order asked, then by map index."""
        own_run = (dag_id or self._own[0], run_id or self._own[1]) == self._own
        sent = self._sent_along if own_run and key is not None else {}
        here = {task_id: sent.get((task_id, key or ""), []) for task_id in task_ids}
        missing = tuple(task_id for task_id, values in here.items() if not values)
        if missing:
            question = PullXCom(
                task_ids=missing,
                key=key,
                dag_id=dag_id,
                run_id=run_id,
                map_indexes=None if map_indexes is None else tuple(map_indexes),
                include_prior_dates=include_prior_dates,
            )
            reply = self._link.request(question)
            if not isinstance(reply, XComs):
                raise unexpected(reply, f"XCom {key!r} can't be pulled")
            for value in reply.values:
                here[value.task_id].append(value)
        return [
            XComRecord(
                value.task_id, value.map_index, read_xcom(value, dag_id or self._own[0], run_id or self._own[1])
            )
            for values in here.values()
            for value in sorted(values, key=lambda value: value.map_index)
            if map_indexes is None or value.map_index in map_indexes
        ]

    def callback_url(self, name: str) -> str:
        """A URL that sends the signal `name`; the same one if it is asked for again."""
        known = self._callback_urls.get(name)
        if known is not None:
            return known
        reply = self._link.request(MintCallback(name))
        if not isinstance(reply, CallbackUrl):
            raise unexpected(reply, f"there is no callback URL {name!r}")
        add_secret(reply.token)
        self._callback_urls[name] = reply.url
        return reply.url

    def get_task_state(self, kind: StateKind, key: str, default: Any = None) -> Any:
        """What was stored in this or an earlier try, or `default`."""
        reply = self._link.request(GetTaskState(kind, key))
        if not isinstance(reply, TaskStateValue):
            raise unexpected(reply, f"task state {key!r} can't be read")
        return default if reply.value is None else decode(reply.value)

    def set_task_state(self, kind: StateKind, key: str, value: Any) -> None:
        """Store `value` for later tries; durable on return."""
        reply = self._link.request(SetTaskState(kind, key, encode(value, what=f"task state {key}")))
        if not isinstance(reply, Ok):
            raise unexpected(reply, f"task state {key!r} can't be stored")

    def delete_task_state(self, kind: StateKind, key: str | None) -> None:
        """Forget one key, or all of `kind`."""
        reply = self._link.request(DeleteTaskState(kind, key))
        if not isinstance(reply, Ok):
            raise unexpected(reply, "task state can't be deleted")

    def set_variable(self, key: str, value: str, description: str | None, is_secret: bool | None) -> None:
        """Set a variable; durable on return."""
        reply = self._link.request(SetVariable(key, value, description, is_secret))
        if not isinstance(reply, Ok):
            raise unexpected(reply, f"the variable {key!r} can't be set")

    def delete_variable(self, key: str) -> bool:
        """Forget a variable; whether there was one."""
        reply = self._link.request(DeleteVariable(key))
        if not isinstance(reply, VariableDeleted):
            raise unexpected(reply, f"the variable {key!r} can't be deleted")
        return reply.existed


class ChannelLink:
    """Asks over a channel on behalf of no instance: while a DAG file is parsed or imported."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer."""
        return self._line.request(body, instance="", epoch=-1)


def decode_conf(conf: bytes) -> dict[str, Any]:
    """The ``conf`` of a run."""
    return msgspec.json.decode(conf, type=dict[str, Any])
