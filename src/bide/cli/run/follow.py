"""Following a run to its end, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NoReturn

from bide.cli.exit_codes import ExitCode
from bide.cli.run.picture import RunPicture
from bide.cli.run.screen import Screen
from bide.cli.run.snapshot import load_picture
from bide.cli.task_rows import find_run, run_summaries
from bide.control.cancel_run import cancel_run
from bide.control.ending_callbacks import pending_callbacks
from bide.model.clock import Clock
from bide.model.errors import Conflict
from bide.model.states import FINISHED, TaskState
from bide.store import Store
from bide.store.views import list_obligations, list_waits

#: Seconds between two readings of the run: as a multiple of how long a reading takes, since watching must not slow
#: down what is watched; at least and at most.
_PAUSE_FACTOR: Final = 10.0
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
#: Seconds between two questions for next looks.
_LOOKS_EVERY: Final = 1.0
#: Seconds between two looks for external work that is still being cancelled.
_CANCEL_LOOK: Final = 0.2
#: Seconds between two looks whether callbacks have been called, and until it is said that they have not.
_CALLBACK_LOOK: Final = 0.02
_CALLBACKS_NOTED: Final = 2.0

#: Seconds without a move after which it is asked why, and asked again.
_HELD_EVERY: Final = 1.0
#: States of tasks that nobody works on, and that nothing is waited for.
_STILL: Final = FINISHED | {TaskState.NONE, TaskState.SCHEDULED}

NextLooks = Callable[[Sequence[str]], Awaitable[Mapping[str, datetime]]]


async def _nobody_else() -> None:
    """Who follows is who works on the run."""


@dataclass(slots=True)
class Follower:
    """Watches one run of an open store."""

    store: Store
    dag_id: str
    run_id: str
    screen: Screen
    clock: Clock
    next_looks: NextLooks
    #: Raises an error when nobody works on the run any more.
    check_served: Callable[[], Awaitable[None]] = _nobody_else
    _looks: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    _looks_asked: float = -_LOOKS_EVERY
    _over_since: float = 0.0
    _still_since: float = 0.0
    #: Why tasks can't start, as far as it was said.
    _told: set[str] = field(default_factory=set[str])

    async def follow(self) -> RunPicture:
        """Show the run until it has ended; its last picture."""
        listener = self.store.bell.listen("history")
        self._still_since = self.clock.monotonic()
        try:
            while True:
                began = self.clock.monotonic()
                picture = await self._look()
                self._show(picture)
                if picture.is_over:
                    self._over_since = self.clock.monotonic()
                    return picture
                await self._tell_held(picture)
                took = self.clock.monotonic() - began
                await asyncio.sleep(min(max(_SHORTEST_PAUSE, took * _PAUSE_FACTOR), _LONGEST_PAUSE))
                await listener.wait(self.screen.refresh)
                await self.check_served()
        finally:
            self.store.bell.leave(listener)

    async def _tell_held(self, picture: RunPicture) -> None:
        """Say, once for each reason, why nothing of the run goes on for a while."""
        now = self.clock.monotonic()
        if not picture.tasks or any(task.state not in _STILL for task in picture.tasks):
            self._still_since = now
        if now - self._still_since < _HELD_EVERY:
            return
        self._still_since = now
        rows = await self.store.read(lambda tx: run_summaries(tx, find_run(tx, self.dag_id, self.run_id)))
        for row in rows:
            if row["held"] and row["held"] not in self._told:
                self._told.add(row["held"])
                self.screen.note(f"{row['task_id']} can't start: {row['held']}")

    async def settle_cancels(self, run_uid: str) -> None:
        """Wait until external work of the run that had to be cancelled is, or was given up; say which."""
        said = False
        while True:
            found = await self.store.read(lambda tx: list_obligations(tx, run_uid=run_uid, with_done=True))
            pending = [one for one in found if one.state == "pending"]
            if not pending:
                for one in found:
                    outcome = "was cancelled" if one.state == "done" else f"could not be cancelled: {one.error}"
                    self.screen.note(f"external work of {one.task_id} {outcome}")
                return
            if not said:
                names = ", ".join(sorted({one.task_id for one in pending}))
                self.screen.note(f"cancelling external work of {names} (Ctrl-C to leave it)")
                said = True
            await asyncio.sleep(_CANCEL_LOOK)

    async def settle_callbacks(self, run_uid: str) -> None:
        """Wait until callbacks and listeners have been called; they may hang, so say what is waited for."""
        said = False
        while count := await pending_callbacks(self.store, run_uid):
            if not said and self.clock.monotonic() - self._over_since > _CALLBACKS_NOTED:
                self.screen.note(f"waiting for callbacks of {count} tasks or runs (Ctrl-C to leave them)")
                said = True
            await asyncio.sleep(_CALLBACK_LOOK)

    def _show(self, picture: RunPicture) -> None:
        self.screen.show(picture, self.clock.now().astimezone())

    async def _look(self) -> RunPicture:
        if not self.screen.wants_tasks:
            return await self.store.read(lambda tx: load_picture(tx, self.dag_id, self.run_id, with_tasks=False))
        if self.clock.monotonic() - self._looks_asked >= _LOOKS_EVERY:
            self._looks_asked = self.clock.monotonic()
            waits, _ = await self.store.read(lambda tx: list_waits(tx, dag_id=self.dag_id, run_id=self.run_id))
            polls = [wait.uid for wait in waits if wait.kind == "poll"]
            self._looks = await self.next_looks(polls) if polls else {}
        return await self.store.read(lambda tx: load_picture(tx, self.dag_id, self.run_id, looks=self._looks))


class Interrupts:
    """A context in which the first Ctrl-C cancels the run, and the second ends the process at once.

    SIGTERM and SIGHUP cancel the task that entered: the run stays as it is and can be resumed.
    """

    def __init__(self, store: Store, dag_id: str, run_id: str, screen: Screen, *, by: str) -> None:
        self._store = store
        self._dag_id = dag_id
        self._run_id = run_id
        self._screen = screen
        self._by = by
        self._cancelling: asyncio.Task[None] | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._cancelling is not None

    def __enter__(self) -> Interrupts:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        loop.add_signal_handler(signal.SIGINT, self._on_interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
        # What is left is to close, and a stubborn task may hold that up as long as it has grace.
        loop.add_signal_handler(signal.SIGINT, self._leave)

    async def settle(self) -> None:
        """Wait until the cancel is stored; what it raised is raised here."""
        if self._cancelling is not None:
            await self._cancelling

    def _on_interrupt(self) -> None:
        if self._cancelling is not None:
            self._leave()
        self._screen.note("cancelling the run; Ctrl-C again to leave at once")
        self._cancelling = asyncio.get_running_loop().create_task(self._cancel(), name="cancel run")

    def _leave(self) -> NoReturn:
        self._screen.close()
        # At once: nothing that would be awaited may hold this up. Runners end with their engine.
        os._exit(ExitCode.INTERRUPTED)

    async def _cancel(self) -> None:
        try:
            await cancel_run(self._store, self._dag_id, self._run_id, by=self._by)
        except Conflict:
            # It ended by itself between the key and the command.
            return
