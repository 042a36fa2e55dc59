"""Items that wait for one piece of work, until a writer takes them together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bide.model.errors import StoreDamaged, StoreError, StoreUnavailable
from bide.store.transaction import Item, T, Tx, Work, WorkOnMany


@dataclass(slots=True)
class _Collected:
    """Items that one transaction will take."""

    items: list[Any] = field(default_factory=list[Any])
    futures: list[asyncio.Future[Any]] = field(default_factory=list[asyncio.Future[Any]])

    def answer(self, results: Sequence[Any]) -> None:
        """Give each who asked the result, or raise the exception, of their item."""
        for future, result in zip(self.futures, results, strict=True):
            if future.done():
                continue  # cancelled by whoever asked; the work is durable all the same
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


class Collector:
    """Makes one transaction of what is asked for together. `ask` begins a transaction and answers its future."""

    def __init__(self, ask: Callable[[Work[Any]], asyncio.Future[Any]]) -> None:
        self._ask = ask
        self._collecting: dict[WorkOnMany[Any, Any], _Collected] = {}
        self._lock = threading.Lock()
        self._retrying: set[asyncio.Future[None]] = set()

    async def write(self, work: WorkOnMany[Item, T], item: Item) -> T:
        """Do `work` for `item` and for all that ask for the same before it begins."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            collected = self._collecting.get(work)
            if collected is None:
                collected = self._collecting[work] = _Collected()
            collected.items.append(item)
            collected.futures.append(future)
            is_first = len(collected.items) == 1
        if is_first:
            self._write_collected(work, collected)
        return await future

    def _write_collected(self, work: WorkOnMany[Any, Any], collected: _Collected) -> None:
        """Ask for `work` on all that will have been collected; nobody's patience but the writer's matters."""

        def stop_collecting() -> None:
            with self._lock:
                if self._collecting.get(work) is collected:
                    del self._collecting[work]

        def take(tx: Tx) -> Sequence[Any]:
            stop_collecting()
            return work(tx, collected.items)

        def answer(written: asyncio.Future[Sequence[Any]]) -> None:
            stop_collecting()
            error = written.exception()
            if error is None:
                collected.answer(written.result())
            elif len(collected.items) == 1 or isinstance(error, StoreUnavailable | StoreDamaged):
                # A store that is out of reach fails all of them.
                collected.answer([error] * len(collected.items))
            else:
                retrying = asyncio.ensure_future(self._write_one_by_one(work, collected))
                self._retrying.add(retrying)
                retrying.add_done_callback(self._retrying.discard)

        try:
            self._ask(take).add_done_callback(answer)
        except StoreError as error:
            stop_collecting()
            collected.answer([error] * len(collected.items))

    async def _write_one_by_one(self, work: WorkOnMany[Any, Any], collected: _Collected) -> None:
        """After a failure of all: which item was it?"""
        results: list[Any] = []
        for item in collected.items:
            try:
                results += await self._ask(lambda tx, item=item: work(tx, [item]))
            except Exception as error:
                results.append(error)
        collected.answer(results)
