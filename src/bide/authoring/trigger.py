"""Triggers: what a deferred task waits for.

Write :class:`BaseTrigger` for anything (a coroutine per wait); :class:`PollTrigger` for something to look at now
and then (no coroutine between looks); :class:`TimerTrigger` for a moment (a database row and nothing else).
"""

from __future__ import annotations

import datetime as dt
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, cast

from bide.authoring.calling import call_aside
from bide.authoring.moments import now
from bide.model.errors import InvalidArgument
from bide.model.ids import check_signal_name

if TYPE_CHECKING:
    import logging
    from typing import Self

    from bide.authoring.context import TaskInstance

TriggerKind = Literal["timer", "signal", "poll", "stream"]

#: After looks that raise, the pause grows to at most so many intervals.
LONGEST_PAUSE: Final = 10


class TriggerEvent:
    """What a trigger yields: `payload` reaches the resumed method as ``event``.

    The payload may be anything that :func:`bide.model.values.encode` stores. `key` tells this event from others
    of a trigger that watches: one of equal keys is stored. Without one each counts.
    """

    def __init__(self, payload: Any = None, key: str | None = None) -> None:
        self.payload = payload
        self.key = key

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.payload!r}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # payloads are mostly dicts


class TaskEndEvent(TriggerEvent):
    """Ends the waiting task at once, without a worker; `xcoms` are pushed for it."""

    #: The state that the task gets.
    task_instance_state: ClassVar[Literal["success", "failed", "skipped"]]

    def __init__(self, *, xcoms: dict[str, Any] | None = None, key: str | None = None) -> None:
        super().__init__(self.task_instance_state, key)
        self.xcoms = xcoms


class TaskSuccessEvent(TaskEndEvent):
    """Ends the waiting task as successful."""

    task_instance_state = "success"


class TaskFailedEvent(TaskEndEvent):
    """Ends the waiting task as failed; its retries apply."""

    task_instance_state = "failed"


#: The other name in use for the same event.
TaskFailureEvent = TaskFailedEvent


class TaskSkippedEvent(TaskEndEvent):
    """Ends the waiting task as skipped."""

    task_instance_state = "skipped"


class WaitingTask(NamedTuple):
    """Which task instance a trigger runs for."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    #: From 1.
    try_number: int = 1
    #: The instance's own id.
    id: str = ""

    def xcom_pull(
        self,
        task_ids: str | Sequence[str] | None = None,
        dag_id: str | None = None,
        key: str = "return_value",
        include_prior_dates: bool = False,
        *,
        map_indexes: int | Sequence[int] | None = None,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """As that of a task instance; None for `task_ids` asks this task itself.

        In a coroutine the engine has to answer within a second, since nothing else runs meanwhile;
        :meth:`async_xcom_pull` holds up nobody.
        """
        from bide.authoring.xcom_lookup import pull

        asked = [self.task_id] if task_ids is None else [task_ids] if isinstance(task_ids, str) else [*task_ids]
        return pull(
            asked,
            key,
            single=task_ids is None or isinstance(task_ids, str),
            dag_id=dag_id,
            run_id=run_id,
            map_indexes=map_indexes,
            include_prior_dates=include_prior_dates,
            default=default,
        )

    async def async_xcom_pull(self, *args: Any, **kwargs: Any) -> Any:
        """As :meth:`xcom_pull`, awaited."""
        import asyncio

        return await asyncio.to_thread(self.xcom_pull, *args, **kwargs)


class BaseTrigger(ABC):
    """Waits for something outside, in a process that runs nothing but triggers.

    It is built by the operator, taken apart by :meth:`serialize`, and built again from that wherever it runs: maybe
    several times, so it needs nothing but its arguments and does nothing that must not be done twice.
    """

    #: The task instance that waits; set by the runner before :meth:`run`.
    task_instance: TaskInstance | WaitingTask | None = None
    #: What :meth:`report_progress` was last told.
    progress: tuple[str, float | None] | None = None
    #: Only triggerers that serve this queue run it. None: that of its operator (``trigger_queue=``), or "default".
    trigger_queue: str | None = None
    #: What :meth:`save_checkpoint` was given last, where this wait was served before; None at first.
    checkpoint: Any = None
    _keep_checkpoint: Callable[[Any], None] | None = None

    def __init__(self, *, trigger_queue: str | None = None, **kwargs: Any) -> None:
        """Subclasses take what they need and keep it; `kwargs` are accepted for cooperative inheritance."""
        if trigger_queue is not None:
            self.trigger_queue = trigger_queue

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the log of the waiting task."""
        import logging  # a tenth of what `import bide` may cost

        from bide.model.dag_modules import shown

        return logging.getLogger(f"{shown(type(self).__module__)}.{type(self).__qualname__}")

    @abstractmethod
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class's import path, and the keyword arguments that build this trigger again."""

    @abstractmethod
    def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield at least one event. Declared as ``async def`` with ``yield``; must not block."""

    def report_progress(self, text: str = "", fraction: float | None = None) -> None:
        """Say how far the work outside is, for people who ask meanwhile: a line, and a share from 0 to 1.

        Shown in clear. It is asked for live and stored nowhere, so it may be said as often as one likes.
        """
        self.progress = (text, fraction) if text or fraction is not None else None

    async def cleanup(self) -> None:  # noqa: B027
        """Called after every :meth:`run`, however it ended: event, exception, cancellation, or a move elsewhere."""

    async def on_kill(self) -> None:  # noqa: B027
        """Cancel the work outside: its task was cleared, marked, timed out or cancelled. Not called on restarts."""

    def save_checkpoint(self, value: Any) -> None:
        """Keep how far :meth:`run` has come: that is :attr:`checkpoint` when it is built again for the same wait.

        `value` may be anything that :func:`bide.model.values.encode` stores, and is encrypted. It is stored within
        a second or so, the last one of several. So what comes after it may be seen twice, and nothing is missed.
        """
        if self._keep_checkpoint is not None:
            self._keep_checkpoint(value)
        self.checkpoint = value

    def describe(self) -> str:
        """One line that says what is waited for. It is stored and shown in clear, so it must hold no secret."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.describe()}>"


def first_of(found: Any) -> Any:
    """What a task goes on with, of what :meth:`BaseTrigger.run` has yielded: an event, or some (at least one)."""
    return found[0] if isinstance(found, list) else found  # pyright: ignore[reportUnknownVariableType]


class TimerTrigger(BaseTrigger):
    """Fires at a moment. The engine does that from a row: no code of the trigger runs while it waits."""

    @property
    @abstractmethod
    def due_at(self) -> dt.datetime:
        """When to fire; with a time zone. In the past means at once."""

    def event(self) -> TriggerEvent:
        """What to fire; asked once, when the wait begins."""
        return TriggerEvent(self.due_at)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment has come; used where no engine does it."""
        import asyncio  # half of what `import bide` may cost; DAG files need none of it

        while (left := (self.due_at - now()).total_seconds()) > 0:  # noqa: ASYNC110
            # A long sleep would not notice that the machine's clock was set or that it was suspended.
            await asyncio.sleep(min(left, 60.0))
        yield self.event()

    def describe(self) -> str:
        return f"until {self.due_at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


class SignalTrigger(BaseTrigger):
    """Waits until somebody sends the signal `name` to the waiting task: by its callback URL, the API or a command.

    The event's payload is what was sent. A signal that came before the task waited for it is not lost.
    """

    def __init__(self, name: str = "default") -> None:
        super().__init__()
        self.name = check_signal_name(name)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the name."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"name": self.name}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Raises: a signal reaches a task by the engine, which runs no code of the trigger for that."""
        raise InvalidArgument(f"signal {self.name!r}: only a task that was deferred by the engine can be sent one")
        yield  # pragma: no cover - makes it a generator, which run() has to be

    def describe(self) -> str:
        return f"signal {self.name}"


class PollTrigger(BaseTrigger):
    """Looks at something every :attr:`interval` seconds, until there is an event.

    All that is said by attributes here may be set on the class, in ``__init__`` or by a property.
    """

    #: Seconds from the end of one look to the next.
    interval: float = 60.0
    #: Each pause is longer or shorter by up to this share of it, at random: 0.1 for a tenth.
    jitter: float = 0.0
    #: After each look without an event the pause is so many times longer, up to :attr:`max_interval`.
    backoff: float = 1.0
    #: Seconds that a pause grows to by back-off; None for ten intervals.
    max_interval: float | None = None
    #: So many looks in a row that raise end the wait with what the last one raised; fewer are made good.
    max_errors: int = 3
    #: Triggers of this class with equal keys (of whatever :func:`bide.model.values.encode` stores) are looked for
    #: together: one look, by one of them or by :meth:`poll_many`, is for all. None shares with nobody.
    share_key: Any = None
    #: At most so many triggers are given to one call of :meth:`poll_many`.
    poll_many_limit: int = 100

    @abstractmethod
    def poll(self) -> Awaitable[TriggerEvent | None] | TriggerEvent | None:
        """Look once: the event, or None while there is none.

        Either ``async def``, or a plain method, which is called in a thread and may block. What one of several
        triggers with the same :attr:`share_key` finds is the event of all of them.
        """

    @classmethod
    def poll_many(cls, triggers: Sequence[Self]) -> Awaitable[Sequence[Found]] | Sequence[Found]:
        """Look once for several triggers with the same :attr:`share_key`: what each has found, in their order.

        Written by classes whose triggers differ, but where one request answers for many; ``async def`` or plain.
        An exception in the answer is that trigger's own failed look, one that is raised is the failed look of all.
        """
        raise NotImplementedError(f"{cls.__name__} looks for one trigger at a time")

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is an event; used where no engine does it."""
        import asyncio

        looks = errors = 0
        while True:
            try:
                event = await look(self)
            except Exception as error:
                errors += 1
                if errors >= self.max_errors:
                    raise
                pause = error_pause(self.interval, errors)
                self.log.warning("a look has failed (%d in a row); looking again in %g s: %s", errors, pause, error)
                await asyncio.sleep(pause)
            else:
                if event is not None:
                    break
                errors = 0
                looks += 1
                await asyncio.sleep(next_pause(self, self.interval, looks))
        yield event


#: What a look has found for one trigger: its event, nothing yet, or what went wrong.
Found = TriggerEvent | Exception | None


def next_pause(trigger: PollTrigger, interval: float, looks: int) -> float:
    """Seconds until the look after `looks` without an event; `interval` is that of the first pause."""
    pause = grown_pause(interval, looks, trigger.backoff, trigger.max_interval)
    return pause * (1.0 + trigger.jitter * random.uniform(-1.0, 1.0)) if trigger.jitter else pause


def grown_pause(interval: float, looks: int, backoff: float, longest: float | None) -> float:
    """Seconds after `looks` in vain: `interval`, each time `backoff` times longer, up to `longest` (ten of it)."""
    if backoff <= 1.0:
        return interval
    if longest is None:
        longest = interval * LONGEST_PAUSE
    # Never a power that overflows: past some 60 doublings the longest pause has been reached.
    return max(interval, min(interval * backoff ** min(looks - 1, 60), longest))


def error_pause(interval: float, errors: int) -> float:
    """Seconds until the look after `errors` in a row that raised."""
    return interval * min(2**errors, LONGEST_PAUSE)


async def look(trigger: PollTrigger) -> TriggerEvent | None:
    """One look of `trigger`, whichever way its ``poll`` is written."""
    found: Any = await call_aside(trigger.poll)
    if found is not None and not isinstance(found, TriggerEvent):
        raise TypeError(f"{type(trigger).__name__}.poll() must return a TriggerEvent or None, not {found!r}")
    return found


def looks_for_many(cls: type[PollTrigger]) -> bool:
    """Whether this class has a ``poll_many`` of its own."""
    return getattr(cls.poll_many, "__func__", cls.poll_many) is not PollTrigger.poll_many.__func__


async def look_for_many(triggers: Sequence[PollTrigger]) -> list[Found]:
    """One call of ``poll_many`` for `triggers`, which all are of one class; checked."""
    name = f"{type(triggers[0]).__name__}.poll_many()"
    answer: Any = await call_aside(triggers[0].poll_many, triggers)
    found: list[Any] | None = list(cast("Sequence[Any]", answer)) if isinstance(answer, Sequence) else None
    if found is None or len(found) != len(triggers):
        raise TypeError(
            f"{name} must return a list with one entry for each of {len(triggers)}, not {answer!r:.200}"
        )
    for one in found:
        if one is not None and not isinstance(one, TriggerEvent | Exception):
            raise TypeError(f"{name} must return a TriggerEvent, an exception or None for each, not {one!r:.200}")
    return found


def trigger_kind(cls: type[BaseTrigger]) -> TriggerKind:
    """How little the engine needs to run triggers of this class.

    A subclass that overrides :meth:`BaseTrigger.run` itself is a stream, whatever it derives from.
    """
    if issubclass(cls, TimerTrigger) and cls.run is TimerTrigger.run:
        return "timer"
    if issubclass(cls, SignalTrigger) and cls.run is SignalTrigger.run:
        return "signal"
    if issubclass(cls, PollTrigger) and cls.run is PollTrigger.run:
        return "poll"
    return "stream"
