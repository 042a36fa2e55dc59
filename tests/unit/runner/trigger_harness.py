"""A trigger runner for tests, and triggers that behave in every way."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, TypeVar

from bide.model.values import decode, encode
from bide.wire.messages import (
    AnyMessage,
    ArmTriggers,
    InstanceKey,
    LoopBlocked,
    Ping,
    Pong,
    TriggerEnded,
    TriggerLoad,
)
from tests.unit.runner.harness import Project, Runner

M = TypeVar("M", bound=AnyMessage)

TRIGGERS = """
    import asyncio, pathlib

    def note(text):
        with open(pathlib.Path(__file__).with_name("notes"), "a") as file:
            file.write(text + "\\n")

    class Noted(BaseTrigger):
        def __init__(self, **kwargs):
            self.kwargs = kwargs
        def serialize(self):
            return (f"{type(self).__module__}.{type(self).__qualname__}", self.kwargs)
        async def cleanup(self):
            note("cleanup")

    class Fires(Noted):
        async def run(self):
            print("running", self.kwargs)
            yield TriggerEvent(self.kwargs)
            note("after the event")
            yield TriggerEvent("a second one")

    class Waits(Noted):
        async def run(self):
            note("waits")
            try:
                await asyncio.sleep(1000)
            finally:
                note("left")
            yield TriggerEvent(None)

    class Ends(Noted):
        async def run(self):
            return
            yield

    class Raises(Noted):
        async def run(self):
            raise ValueError("no such job")
            yield

    class Exits(Noted):
        async def run(self):
            sys.exit(5)
            yield

    class YieldsNonsense(Noted):
        async def run(self):
            yield 5

    class YieldsSocket(Noted):
        async def run(self):
            import socket
            yield TriggerEvent({"s": socket.socket()})

    class NoGenerator(Noted):
        async def run(self):
            return TriggerEvent(1)

    class BadCleanup(Noted):
        async def run(self):
            yield TriggerEvent("fine")
        async def cleanup(self):
            note("cleanup")
            raise RuntimeError("cleanup broke")

    class BadAfterEvent(Noted):
        async def run(self):
            try:
                yield TriggerEvent("fine")
            finally:
                raise RuntimeError("closing broke")

    class BadInit(Noted):
        def __init__(self, **kwargs):
            raise RuntimeError("can't be built")
        async def run(self):
            yield TriggerEvent(1)

    class NeedsName(BaseTrigger):
        def __init__(self, name):
            self.name = name
        def serialize(self): ...
        async def run(self):
            yield TriggerEvent(self.name)

    class Swallows(Noted):
        async def run(self):
            note("begins")
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                note("swallowed")
            yield TriggerEvent("too late")

    class Blocks(Noted):
        async def run(self):
            await asyncio.sleep(0)
            note("blocks")
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline and "WARNING" not in open(self.kwargs["log"]).read():
                time.sleep(0.01)
            yield TriggerEvent("at last")

    class Succeeds(Noted):
        async def run(self):
            yield TaskSuccessEvent(xcoms={"k": [1]})

    class Knows(Noted):
        async def run(self):
            ti = self.task_instance
            yield TriggerEvent([ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number])

    class Poll(PollTrigger):
        def __init__(self, file="notes", looks=0, errors=0, plain=False):
            self.file, self.looks, self.errors = file, looks, errors
            self.plain = plain
        def serialize(self): ...
        async def poll(self):
            note("look")
            count = pathlib.Path(__file__).with_name("notes").read_text().count("look")
            if count <= self.errors:
                raise OSError(f"look {count} failed")
            return TriggerEvent(count) if count > self.looks + self.errors else None
        async def cleanup(self):
            note("cleanup")

    class QuietPoll(PollTrigger):
        def serialize(self): ...
        async def poll(self):
            return None

    class PlainPoll(PollTrigger):
        def __init__(self, seconds=0): self.seconds = seconds
        def serialize(self): ...
        def poll(self):
            print("polling in", threading.current_thread().name.split("_")[0])
            time.sleep(self.seconds)
            return TriggerEvent("plain")

    class SharedPoll(PollTrigger):
        share_key = "one"
        def serialize(self): ...
        def poll(self):
            note("look")
            print("looking", end="")
            return TriggerEvent("shared")

    class Kills(Noted):
        async def run(self):
            yield TriggerEvent(1)
        async def on_kill(self):
            note(f"killed {self.kwargs}")
            if self.kwargs.get("broken"):
                raise RuntimeError("the service is down")
"""


class Triggers:
    """A trigger runner, and the DAG file with the triggers above."""

    def __init__(self, runner: Runner, project: Project) -> None:
        self.runner = runner
        self.project = project
        self.file = project.dag(TRIGGERS, "waits.py")

    def load(
        self,
        name: str,
        *,
        token: int = 1,
        wait_id: str = "",
        interval: float | None = None,
        log_path: Path | None = None,
        group_key: str | None = None,
        dag_file: str | None = None,
        **kwargs: Any,
    ) -> TriggerLoad:
        kind = "poll" if "Poll" in name else "stream"
        return TriggerLoad(
            wait_id=wait_id or str(uuid.uuid4()),
            token=token,
            kind=kind,
            classpath=name if "." in name else f"waits.{name}",
            kwargs=encode(kwargs, what="kwargs"),
            instance=InstanceKey("i1", "d", "run1", "t", -1),
            try_number=2,
            dag_file=dag_file or str(self.file),
            dag_folder=str(self.project.dags),
            log_path=str(log_path or self.project.logs / f"{uuid.uuid4()}.log"),
            interval=interval,
            group_key=group_key,
        )

    def arm(self, *loads: TriggerLoad, in_threads: bool = False) -> None:
        self.runner.send(ArmTriggers(loads, in_threads=in_threads))

    def get(self, kind: type[M]) -> M:
        body = self.runner.receive()
        while isinstance(body, LoopBlocked) and kind is not LoopBlocked:
            body = self.runner.receive()
        assert isinstance(body, kind), body
        return body

    def event(self, load: TriggerLoad) -> object:
        ended = self.get(TriggerEnded)
        assert (ended.wait_id, ended.token, ended.error) == (load.wait_id, load.token, ""), ended
        assert ended.outcome is not None
        return decode(ended.outcome.payload)

    def error(self, load: TriggerLoad) -> str:
        ended = self.get(TriggerEnded)
        assert (ended.wait_id, ended.token, ended.outcome) == (load.wait_id, load.token, None)
        return ended.error

    def settle(self) -> int:
        """Wait until the loop has had its turns; how many triggers are held."""
        for number in range(5):
            self.runner.send(Ping(number))
            pong = self.get(Pong)
        return pong.holding

    def until_noted(self, text: str, times: int = 1) -> None:
        """Wait until a trigger has written `text` to the notes so often."""
        while self.notes().count(text) < times:
            self.settle()

    def notes(self) -> list[str]:
        path = self.project.dags / "notes"
        return path.read_text().splitlines() if path.exists() else []
