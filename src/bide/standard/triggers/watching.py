"""Triggers that watch things outside for as long as they are there: times, files, answers of services."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import AsyncIterator
from glob import iglob
from pathlib import Path
from typing import Any, Final, NamedTuple

from bide.authoring.event_trigger import BaseEventTrigger
from bide.authoring.moments import as_seconds, now
from bide.authoring.trigger import PollTrigger, TriggerEvent
from bide.model.errors import InvalidArgument, TaskError
from bide.standard.http.client import ServiceClient
from bide.standard.http.job import shown

#: Characters of an answer that go with its event.
_LONGEST_TEXT: Final = 65_536


class EveryTrigger(BaseEventTrigger):
    """Has an event every `every` (a timedelta or seconds), at the multiples of it since 1970 in UTC.

    The payload is the moment, which is the event's key as well. What would have been while nothing ran is left out.
    """

    def __init__(self, every: dt.timedelta | float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.every = _seconds(every, "every", "EveryTrigger")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{EveryTrigger.__module__}.{EveryTrigger.__qualname__}", {"every": self.every}

    def describe(self) -> str:
        return f"every {self.every:g} s"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        last = math.floor(now().timestamp() / self.every)
        while True:
            await asyncio.sleep(max(0.0, (last + 1) * self.every - now().timestamp()))
            # After a long pause in which the machine slept, those that are missed stay missed.
            last = max(last + 1, math.floor(now().timestamp() / self.every))
            moment = dt.datetime.fromtimestamp(last * self.every, dt.UTC)
            yield TriggerEvent(moment, key=moment.isoformat())


class _Stamp(NamedTuple):
    modified: int
    size: int


class FileChangeTrigger(BaseEventTrigger):
    """Has an event for each file that `pattern` names, and for each change of one.

    `pattern` is a path that may have ``*``, ``?`` and ``[...]``, and with `recursive` also ``**``. It looks every
    `poke_interval`, in a thread. A file counts when two looks have found it the same, so that one that is being
    written waits until that is over. Files that are there from the start count too.

    The payload is a dict of ``path``, ``size`` in bytes and ``modified``, a moment. What one look finds is stored
    together.
    """

    def __init__(
        self, pattern: str, recursive: bool = False, poke_interval: dt.timedelta | float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pattern = str(pattern)
        self.recursive = recursive
        self.poke_interval = _seconds(poke_interval, "poke_interval", "FileChangeTrigger")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{FileChangeTrigger.__module__}.{FileChangeTrigger.__qualname__}",
            {"pattern": self.pattern, "recursive": self.recursive, "poke_interval": self.poke_interval},
        )

    def describe(self) -> str:
        return f"files {self.pattern}"

    async def run(  # pyright: ignore[reportIncompatibleMethodOverride]  it watches, and may have many
        self,
    ) -> AsyncIterator[list[TriggerEvent]]:
        kept: dict[str, list[int]] = self.checkpoint or {}
        told = {path: _Stamp(*stamp) for path, stamp in kept.items()}
        before: dict[str, _Stamp] = {}
        while True:
            found = await asyncio.to_thread(_stamps, self.pattern, self.recursive)
            known = dict(told)
            new = {path: stamp for path, stamp in found.items() if before.get(path) == stamp != told.get(path)}
            if new:
                yield [_file_event(path, stamp) for path, stamp in new.items()]
            told = {path: stamp for path, stamp in (told | new).items() if path in found}
            if told != known:
                self.save_checkpoint({path: [*stamp] for path, stamp in told.items()})
            before = found
            await asyncio.sleep(self.poke_interval)


def _stamps(pattern: str, recursive: bool) -> dict[str, _Stamp]:
    found: dict[str, _Stamp] = {}
    for name in sorted(iglob(pattern, recursive=recursive)):  # noqa: PTH207  Path.glob takes no absolute pattern
        path = Path(name)
        try:
            if path.is_file():
                status = path.stat()
                found[name] = _Stamp(status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            continue  # it went in between
    return found


def _file_event(path: str, stamp: _Stamp) -> TriggerEvent:
    modified = dt.datetime.fromtimestamp(stamp.modified / 1e9, dt.UTC)
    payload = {"path": path, "size": stamp.size, "modified": modified}
    return TriggerEvent(payload, key=f"{path}@{stamp.modified}:{stamp.size}")


class HttpChangeTrigger(BaseEventTrigger, PollTrigger):
    """Has an event whenever the answer of `url` is another one than at the look before; the first one counts too.

    Its text counts, and its ``ETag``. Looks are made every `poke_interval`, with `headers`; those with equal
    arguments are made once. An answer other than 2xx is a failed look.

    The payload is a dict of ``url``, ``etag`` and ``text``, of which at most 64 KiB.
    """

    def __init__(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        poke_interval: dt.timedelta | float = 60.0,
        timeout: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.headers = dict(headers or {})
        self.poke_interval = self.interval = _seconds(poke_interval, "poke_interval", "HttpChangeTrigger")
        self.timeout = timeout
        self.share_key = (url, tuple(sorted(self.headers.items())))
        self._client = ServiceClient()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{HttpChangeTrigger.__module__}.{HttpChangeTrigger.__qualname__}",
            {
                "url": self.url,
                "headers": self.headers,
                "poke_interval": self.poke_interval,
                "timeout": self.timeout,
            },
        )

    def describe(self) -> str:
        return f"answer of {shown(self.url)}"

    async def poll(self) -> TriggerEvent | None:
        answer = await self._client.request("GET", self.url, seconds=self.timeout, headers=self.headers)
        if not answer.is_success:
            raise TaskError(f"GET {shown(self.url)} was answered with {answer.status_code}")
        text = answer.text[:_LONGEST_TEXT]
        # Without a key: an answer may be again what it was before.
        return TriggerEvent({"url": shown(self.url), "etag": answer.headers.get("etag"), "text": text})

    async def cleanup(self) -> None:
        await self._client.release()


def _seconds(value: dt.timedelta | float, name: str, of: str) -> float:
    seconds = as_seconds(value, name=name, of=of)
    if seconds is None or seconds <= 0:
        raise InvalidArgument(f"{of}: {name} must be a number of seconds above 0, not {value!r}")
    return seconds
