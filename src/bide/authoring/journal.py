"""The journal of the running function: what its earlier segments and tries have done, and where it stands now."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bide.authoring.deferral import TaskDeferred
from bide.authoring.runtime import NoRuntime
from bide.authoring.trigger import BaseTrigger
from bide.model.errors import InvalidArgument, JournalFull, ReplayMismatch
from bide.model.journal import INPUTS, MAX_BYTES, MAX_ENTRIES, RESUME_BY_REPLAY, JournalEntry, replayable
from bide.model.values import decode, encode

if TYPE_CHECKING:
    import datetime as dt

#: Given by name in the inputs, beside the arguments.
_NONCE = "nonce"


class TaskSuspended(TaskDeferred):
    """Raised by ``wait()``: the function is left, and run again from its start when the wait is over."""

    def __init__(
        self, trigger: BaseTrigger, key: str, timeout: dt.timedelta | float | None, entries: Sequence[JournalEntry]
    ) -> None:
        super().__init__(trigger, RESUME_BY_REPLAY, {"key": key}, timeout)
        #: What the engine has to know of the journal, in the transaction that begins the wait.
        self.entries = tuple(entries)


class JournalKeeper(Protocol):
    """Where journals are kept; the runtime of a task."""

    def journal_entries(self) -> Sequence[JournalEntry]:
        """What this segment may take over from earlier ones."""
        ...

    def resumed_wait(self) -> str | None:
        """Key of the wait whose end began this segment."""
        ...

    def record_entries(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries; durable on return."""
        ...


class Journal:
    """Of one task function in one segment. Used by the thread that runs the function."""

    def __init__(
        self, keeper: JournalKeeper, *, try_number: int, replay: bool, inputs: Callable[[], dict[str, Any]]
    ) -> None:
        """`inputs` are asked for when the first entry is written. Without `replay`, other tries don't count."""
        resumed = keeper.resumed_wait()
        known = replayable(
            keeper.journal_entries(), is_resume=resumed is not None, only_try=None if replay else try_number
        )
        self._keeper = keeper
        self._try_number = try_number
        self._inputs = inputs
        self._entries = {entry.key: entry for entry in known}
        self._size = sum(len(entry.value) for entry in self._entries.values())
        self._counts: Counter[str] = Counter()
        #: Line by key of what an async function has asked for and not awaited.
        self._unawaited: dict[str, str] = {}
        #: The wait that has just ended, until the function has come to it.
        self._unmet = self._entries.get(resumed or "")
        self._left_at = ""
        self._nonce = ""

    def frozen_inputs(self) -> dict[str, Any] | None:
        """What the function was first called with; None if nothing was written yet."""
        entry = self._entries.get(INPUTS)
        if entry is None:
            return None
        inputs: dict[str, Any] = decode(entry.value)
        self._nonce = inputs.pop(_NONCE)
        return inputs

    def next_key(self, name: str) -> str:
        """The key of the next occurrence of `name`."""
        if not isinstance(name, str) or not name or "#" in name or len(name) > 250:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"the name of a step or wait has 1 to 250 characters and no '#', not {name!r}")
        self._counts[name] += 1
        return f"{name}#{self._counts[name]}"

    def find(self, key: str, kind: Literal["step", "wait"], line: str) -> JournalEntry | None:
        """What is known of `key`, which the function comes to at `line`.

        Raises :class:`ReplayMismatch` if it was something else before.
        """
        if self._left_at:
            raise ReplayMismatch(
                f"{line} comes to {key}, though the function was left at {self._left_at}: something has caught the "
                "signal that wait() raises. It is no Exception: let BaseException pass"
            )
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.kind != kind:
            raise ReplayMismatch(
                f"{key} was a {entry.kind} at {entry.line}, and is a {kind} at {line} now: the code has changed "
                "since the task began. Give the new one another name, or clear the task"
            )
        if self._unmet is entry:
            self._unmet = None
        return entry

    def hand_out(self, key: str, line: str) -> None:
        """Something was given to an async function, which does nothing until it is awaited."""
        self._unawaited[key] = line

    def awaited(self, key: str) -> None:
        """It is awaited, by itself or as a part of another."""
        self._unawaited.pop(key, None)

    def step_key(self, key: str) -> str:
        """What names this step of this task for ever, for services that refuse to do a thing twice."""
        if not self._nonce:
            self._keep([])
        return f"{self._nonce}-{key}"

    def record(self, key: str, value: bytes, line: str) -> None:
        """A step has returned; durable on return."""
        self._keep([self._entry(key, "step", "done", value, line)])

    def suspend(
        self, trigger: BaseTrigger, key: str, line: str, timeout: dt.timedelta | float | None
    ) -> TaskSuspended:
        """The signal that leaves the function for a new wait.

        Raises :class:`ReplayMismatch` if the function has not come to the wait that it was resumed for.
        """
        self._check_met(f"it waits for {key} at {line} now")
        entries = [*self._first_entry(), self._entry(key, "wait", "waiting", b"null", line)]
        self._check_size(entries)
        self._left_at = line
        return TaskSuspended(trigger, key, timeout, entries)

    def check_end(self) -> None:
        """The function has returned.

        Raises :class:`ReplayMismatch` if it should not have come there, :class:`InvalidArgument` if it has left out
        an ``await``.
        """
        if self._left_at:
            raise ReplayMismatch(
                f"the function went on to its end after it was left at {self._left_at}: something has caught the "
                "signal that wait() raises. It is no Exception: let BaseException pass"
            )
        self._check_met("it ends without coming there")
        for key, line in self._unawaited.items():
            raise InvalidArgument(
                f"{key} at {line} was never awaited, so nothing was done: in an async function write "
                "'await wait(...)', 'await step(...)', 'await gather(...)'"
            )

    def _check_met(self, but: str) -> None:
        if self._unmet is not None:
            raise ReplayMismatch(
                f"the task waited for {self._unmet.key} at {self._unmet.line}, and {but}: the code has changed "
                "since, or it does not do the same each time. What differs from run to run belongs into step()"
            )

    def _keep(self, entries: list[JournalEntry]) -> None:
        wanted = [*self._first_entry(), *entries]
        self._check_size(wanted)
        if wanted:
            self._keeper.record_entries(wanted)

    def _first_entry(self) -> list[JournalEntry]:
        """The inputs, if they were not written yet."""
        if INPUTS in self._entries:
            return []
        self._nonce = uuid.uuid4().hex
        value = encode({**self._inputs(), _NONCE: self._nonce}, what="arguments of a function that waits")
        return [self._entry(INPUTS, "inputs", "done", value, "")]

    def _entry(self, key: str, kind: Any, status: Any, value: bytes, line: str) -> JournalEntry:
        entry = JournalEntry(key, kind, status, value, line, self._try_number, len(self._entries))
        self._entries[key] = entry
        self._size += len(value)
        return entry

    def _check_size(self, entries: Sequence[JournalEntry]) -> None:
        if entries and (len(self._entries) > MAX_ENTRIES or self._size > MAX_BYTES):
            raise JournalFull(
                f"the journal of this task is full: {len(self._entries)} steps and waits with {self._size} bytes, "
                f"where {MAX_ENTRIES} with {MAX_BYTES} are allowed. Return less from steps (an id, a path), or "
                "split the task"
            )


_current: ContextVar[Journal] = ContextVar("bide_journal")


@contextmanager
def keeping(journal: Journal) -> Generator[None]:
    """Let ``wait()`` and ``step()`` inside use `journal`."""
    token = _current.set(journal)
    try:
        yield
    finally:
        _current.reset(token)


def current_journal(asked: str) -> Journal:
    """The journal of the running function. Raises :class:`NoRuntime` where there is none."""
    try:
        return _current.get()
    except LookupError:
        raise NoRuntime(
            f"{asked} works in @task functions and in callables of PythonOperator while they run, in their own "
            "thread; an operator waits by self.defer()"
        ) from None
