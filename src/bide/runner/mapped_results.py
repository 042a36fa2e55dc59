"""The part of a task's runtime that reads results element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from bide.model.errors import InvalidArgument
from bide.model.ids import NOT_MAPPED
from bide.model.values import encode
from bide.runner.refusals import unexpected
from bide.runner.settings import xcom_backend
from bide.runner.split_values import SPLIT_VALUES
from bide.runner.xcom_reading import read_xcom
from bide.wire.messages import AnyMessage, PullMapped, PullXCom, XComs, XComValue


class Asks(Protocol):
    """Asks the engine on behalf of the task."""

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer."""
        ...


class MappedResults:
    """What tasks of the own run have left, for instances of mapped tasks and for who comes after those."""

    _link: Asks
    #: DAG and run.
    _own: tuple[str, str]

    def xcom_element(self, task_id: str, key: str, position: int, *, stamp: str) -> Any:
        """One element of what a task of this run has left."""
        place = (*self._own, task_id, key, stamp)
        found = SPLIT_VALUES.get(place)
        if found is None:
            values = self._pull((task_id,), key)
            if not values:
                raise InvalidArgument(f"task {task_id!r} has left nothing under {key!r} any more")
            found = SPLIT_VALUES.keep(place, self._own_form(values[0]))
        try:
            return found[position]
        except IndexError:
            raise InvalidArgument(
                f"what task {task_id!r} has left has {len(found)} elements now, and this instance was made for "
                f"number {position}: clear it to expand it anew"
            ) from None

    def mapped_xcoms(self, task_id: str, key: str, first: int, number: int) -> list[Any]:
        """Of what the instances of a mapped task of this run have left, `number` values from the `first` on."""
        return [
            read_xcom(one, *self._own) for one in self._ask_mapped(PullMapped(task_id, key, first, number)).values
        ]

    def count_mapped_xcoms(self, task_id: str, key: str) -> int:
        """How many instances of a mapped task of this run have left a value."""
        return self._ask_mapped(PullMapped(task_id, key, counted=True)).total or 0

    def _own_form(self, found: XComValue) -> bytes:
        """A result as Bide stores it itself, whoever keeps it."""
        if xcom_backend() is None:
            return found.value
        return encode(read_xcom(found, *self._own), what=f"XCom {found.key}")

    def _ask_mapped(self, question: PullMapped) -> XComs:
        reply = self._link.request(question)
        if not isinstance(reply, XComs):
            raise unexpected(reply, f"results of task {question.task_id!r} can't be read")
        return reply

    def _pull(self, task_ids: tuple[str, ...], key: str) -> Sequence[XComValue]:
        reply = self._link.request(PullXCom(task_ids=task_ids, key=key, map_indexes=(NOT_MAPPED,)))
        if not isinstance(reply, XComs):
            raise unexpected(reply, f"XCom {key!r} can't be pulled")
        return reply.values
