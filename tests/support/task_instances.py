"""Task instances in memory, with the commands that an executor gives: a store that tests can look into."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bide.control.claims import Claim
from bide.model.errors import StoreUnavailable
from bide.observe.log import PathSink
from bide.wire.messages import (
    Defer,
    Finish,
    Frame,
    InstanceKey,
    Ok,
    PullXCom,
    PushXCom,
    Refused,
    Reply,
    Reschedule,
    RunInfo,
    RunTask,
    XComs,
    XComValue,
)

RUN = RunInfo("jobs", "run", "manual", None, None, None, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")


@dataclass
class Instance:
    """One task instance; `history` has every state in order."""

    key: InstanceKey
    dag_file: str
    epoch: int = 1
    state: str = "queued"
    history: list[str] = field(default_factory=lambda: ["queued"])
    error: str = ""
    final: Finish | Defer | Reschedule | None = None
    xcoms: dict[str, bytes] = field(default_factory=dict)
    deadline: float | None = None

    def move(self, state: str, *, fence: bool = False) -> None:
        self.state = state
        self.history.append(state)
        self.epoch += fence


class TaskInstances:
    """Implements :class:`~bide.engine.executors.contract.TaskControl`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instances: dict[str, Instance] = {}
        self.starts: list[list[str]] = []
        #: Set to make every command raise.
        self.unavailable = False
        #: Called before each command with its name and instance ids; may cancel or block something.
        self.before: Callable[[str, list[str]], None] = lambda name, ids: None
        self.slots_rung = 0
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    def claim(
        self, dag_file: Path, task_id: str, *, is_async: bool = False, deadline: float | None = None
    ) -> Claim:
        """A new queued instance of `task_id`."""
        uid = f"{task_id}-{next(self._numbers)}"
        key = InstanceKey(uid, "jobs", "run", task_id)
        self.instances[uid] = Instance(key, str(dag_file), deadline=deadline)
        return Claim(key, 1, str(dag_file), "hash", is_async=is_async)

    def claim_again(self, claim: Claim) -> Claim:
        """The same instance, queued once more."""
        self[claim].move("queued", fence=True)
        return claim._replace(epoch=self[claim].epoch)

    def __getitem__(self, claim: Claim) -> Instance:
        return self.instances[claim.instance.id]

    def log_of(self, claim: Claim) -> str:
        path = self.folder / f"{claim.instance.id}.log"
        return path.read_text() if path.exists() else ""

    def begin(self, claim: Claim) -> RunTask:
        """What a transaction does that begins a task itself: from now on it is running."""
        self[claim].move("running", fence=True)
        return self._order(self[claim])

    def move_on(self, claim: Claim) -> None:
        """What a person's cancel does in the store."""
        self[claim].move("failed", fence=True)

    def ring_slots(self) -> None:
        self.slots_rung += 1
        self._tell()

    async def until(self, check: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until `check` holds; it is asked at every change."""
        async with asyncio.timeout(timeout):
            while not check():
                await self._changed.wait()

    async def until_state(self, claims: Sequence[Claim], *states: str) -> None:
        try:
            await self.until(lambda: all(self[claim].state in states for claim in claims))
        except TimeoutError:
            found = {claim.instance.id: (self[claim].history, self.log_of(claim)) for claim in claims}
            raise AssertionError(f"not all came to {states}: {found}") from None

    # --- the commands ---

    async def start_tasks(self, claims: Sequence[Claim]) -> list[RunTask]:
        await self._begin("start", [claim.instance.id for claim in claims])
        self.starts.append([claim.instance.id for claim in claims])
        started: list[RunTask] = []
        for claim in claims:
            instance = self[claim]
            if instance.state == "queued" and instance.epoch == claim.epoch:
                instance.move("running", fence=True)
                started.append(self._order(instance))
        self._tell()
        return started

    async def answer(self, frame: Frame) -> Reply:
        await self._begin(type(frame.body).__name__, [frame.instance])
        instance = self.instances[frame.instance]
        body = frame.body
        if instance.epoch != frame.epoch or instance.state != "running":
            return Refused("the instance has moved on", fenced=True)
        if isinstance(body, PushXCom):
            instance.xcoms[body.key] = body.value
            self._tell()
            return Ok()
        if isinstance(body, PullXCom):
            return XComs(tuple(self._pull(body)))
        if not isinstance(body, Finish | Defer | Reschedule):
            raise AssertionError(f"unexpected {body}")
        instance.final = body
        if isinstance(body, Finish):
            instance.move(body.state)
        else:
            instance.move("deferred" if isinstance(body, Defer) else "up_for_reschedule", fence=True)
        self._tell()
        return Ok()

    async def lose_task(self, instance_id: str, epoch: int, *, error: str) -> bool:
        await self._begin("lose", [instance_id])
        instance = self.instances[instance_id]
        if instance.epoch != epoch or instance.state != "running":
            return False
        instance.error = error
        await asyncio.to_thread(PathSink(self.folder / f"{instance_id}.log").write, f"{error}\n")
        instance.move("lost", fence=True)
        self._tell()
        return True

    async def give_back_callbacks(self, instance_id: str, epoch: int) -> None:
        await self._begin("give_back_callbacks", [instance_id])
        self.instances[instance_id].history.append("callbacks given back")
        self._tell()

    async def give_back(self, claims: Sequence[Claim]) -> None:
        await self._begin("give_back", [claim.instance.id for claim in claims])
        for claim in claims:
            if self[claim].state == "queued" and self[claim].epoch == claim.epoch:
                self[claim].move("scheduled", fence=True)
        self._tell()

    async def give_up_running(self, held: Sequence[tuple[str, int]], *, counted: bool) -> None:
        await self._begin("give_up counted" if counted else "give_up", [uid for uid, _ in held])
        for uid, epoch in held:
            if self.instances[uid].epoch == epoch and self.instances[uid].state == "running":
                self.instances[uid].move("scheduled", fence=True)
        self._tell()

    async def _begin(self, name: str, ids: list[str]) -> None:
        # As a commit does, it takes a turn of the loop.
        await asyncio.sleep(0)
        if self.unavailable:
            raise StoreUnavailable("the store is locked")
        self.before(name, ids)

    def _order(self, instance: Instance) -> RunTask:
        return RunTask(
            instance=instance.key,
            epoch=instance.epoch,
            try_number=1,
            max_tries=1,
            dag_file=instance.dag_file,
            dag_folder=str(Path(instance.dag_file).parent),
            dag_hash="hash",
            run=RUN,
            log_path=str(self.folder / f"{instance.key.id}.log"),
            started_at=1_767_225_600.0,
            deadline=instance.deadline,
            execution_timeout=None if instance.deadline is None else 0.1,
        )

    def _pull(self, body: PullXCom) -> list[XComValue]:
        return [
            XComValue(one.key.task_id, -1, body.key, one.xcoms[body.key])
            for one in self.instances.values()
            if one.key.task_id in body.task_ids and body.key in one.xcoms
        ]

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
