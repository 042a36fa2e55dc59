"""Events that a test gives in place of triggers'."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, cast

import msgspec

from bide.authoring.composition import CombinedTrigger
from bide.authoring.dag import DAG
from bide.authoring.hints import did_you_mean
from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.model.errors import InvalidArgument
from bide.model.values import encode
from bide.runner.outcomes import outcome_of
from bide.wire.messages import WaitSpec

#: What may be given by task id or by trigger class: a payload, a TriggerEvent, an exception to raise, or a function
#: that gets the trigger and returns one of these.
Events = Mapping[Any, Any]


class InTurn:
    """One answer after the other: made by :func:`in_turn`."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = iter(answers)
        self._given = 0

    def next(self, task_id: str) -> Any:
        """The next answer."""
        for answer in self._answers:
            self._given += 1
            return answer
        raise InvalidArgument(
            f"task {task_id!r} waits for the {self._given + 1}. time, but in_turn() has no more events"
        )


def in_turn(*answers: Any) -> InTurn:
    """For ``events=``: each wait is ended by the next one of `answers`."""
    return InTurn(answers)


class GivenEvents:
    """The ``events=`` of a run."""

    def __init__(self, events: Events | None, dag: DAG) -> None:
        self._events = dict(events or {})
        for key in self._events:
            _check_key(key, dag)

    def put_into(
        self, spec: WaitSpec, task_id: str, trigger: BaseTrigger, *, must_end: bool, is_part: bool = False
    ) -> WaitSpec:
        """`spec`, the wait of `task_id` for `trigger`, with given events in place of triggers; itself if none is.

        An event by task id ends the whole wait, one by class also a part of it; a nearer class goes first.
        """
        keys: list[Any] = [*([] if is_part else [task_id]), *type(trigger).__mro__]
        for key in keys:
            if key in self._events:
                return _in_place(spec, _answer(self._events[key], task_id, trigger), must_end=must_end)
        if not isinstance(trigger, CombinedTrigger):
            return spec
        children = tuple(
            self.put_into(child, task_id, trigger.waits[child.name].trigger, must_end=False, is_part=True)
            for child in spec.children
        )
        return msgspec.structs.replace(spec, children=children) if children != spec.children else spec


def _in_place(spec: WaitSpec, given: TriggerEvent | BaseException, *, must_end: bool) -> WaitSpec:
    # An event that can't be stored, or that can't end the task, is an error of the one who gave it.
    if isinstance(given, TriggerEvent):
        outcome_of(given, "events=", must_end=must_end)
    classpath, kwargs = GivenTrigger.of(given).serialize()
    return WaitSpec(
        kind="stream",
        classpath=classpath,
        kwargs=encode(kwargs, what="a given event"),
        subject=spec.subject,
        name=spec.name,
        timeout=spec.timeout,
    )


def _answer(given: Any, task_id: str, trigger: BaseTrigger) -> TriggerEvent | BaseException:
    if isinstance(given, InTurn):
        given = given.next(task_id)
    if isinstance(given, type) and issubclass(given, BaseException | TriggerEvent):
        given = given()
    elif isinstance(given, Callable) and not isinstance(given, BaseException | TriggerEvent):
        given = cast("Callable[[BaseTrigger], Any]", given)(trigger)
    return given if isinstance(given, TriggerEvent | BaseException) else TriggerEvent(given)


def _check_key(key: object, dag: DAG) -> None:
    if isinstance(key, str):
        if not dag.has_task(key):
            raise InvalidArgument(
                f"events: DAG {dag.dag_id!r} has no task {key!r}{did_you_mean(key, dag.task_ids)}"
            )
    elif not (isinstance(key, type) and issubclass(key, BaseTrigger)):
        raise InvalidArgument(f"events: a key must be a task id or a trigger class, not {key!r}")


class GivenTrigger(BaseTrigger):
    """Yields what was given, or raises it."""

    _given: Final[dict[int, TriggerEvent | BaseException]] = {}
    _numbers: Final = itertools.count(1)

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @classmethod
    def of(cls, given: TriggerEvent | BaseException) -> GivenTrigger:
        """One for `given`, which stays in this process."""
        number = next(cls._numbers)
        cls._given[number] = given
        return cls(number)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.GivenTrigger", {"number": self.number}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield or raise at once."""
        given = self._given.pop(self.number)
        if isinstance(given, BaseException):
            raise given
        yield given
