"""Messages about the loop of a runner: whether it turns, who holds it up, and that it ends."""

from __future__ import annotations

from bide.wire.message import Message


class Ping(Message, frozen=True):
    """Engine → trigger runner: answer from the loop that runs the triggers."""

    number: int


class Pong(Message, frozen=True):
    """Trigger runner → engine."""

    number: int
    #: Triggers that it holds.
    holding: int


class LoopBlocked(Message, frozen=True):
    """Trigger runner → engine, while its loop does not turn: the code of this trigger holds it up."""

    wait_id: str
    classpath: str
    dag_folder: str
    #: The class's source file, with (mtime in ns, size); nothing if it has none.
    source: str = ""
    stamp: tuple[int, int] | None = None


class CancelTask(Message, frozen=True):
    """Engine → task runner with many tasks: end the one that the frame names, which has moved on."""


class TaskBlocks(Message, frozen=True):
    """Task runner → engine: the coroutine of the task that the frame names holds up those it shares a loop with."""


class Stop(Message, frozen=True):
    """Engine → trigger or task runner: clean up and exit."""


LoopMessage = CancelTask | TaskBlocks | Ping | Pong | LoopBlocked | Stop
