"""Following the log of a task instance over all its tries."""

from __future__ import annotations

import asyncio
from typing import Final, TextIO

from bide.cli.engines import scheduler_runs
from bide.cli.output import say
from bide.config.resolved import Config
from bide.control.find_log import find_log
from bide.model.errors import NotFound
from bide.model.log_path import LogLayout
from bide.model.states import FINISHED, TaskState
from bide.observe.log_files import follow
from bide.store import Store
from bide.store.views import InstanceView, RunView, get_instance

#: Seconds between two looks at a growing file.
_LOOK: Final = 0.2


async def follow_instance(
    config: Config, store: Store, layout: LogLayout, run: RunView, instance: InstanceView, out: TextIO
) -> InstanceView:
    """Copy the instance's log to `out` as it grows, try by try, until the instance is finished; as it then is."""
    current = instance

    async def look() -> InstanceView:
        nonlocal current
        found = await store.read(
            lambda tx: get_instance(tx, run.dag_id, run.run_id, instance.task_id, instance.map_index)
        )
        if found is None:
            raise NotFound(f"task {instance.task_id!r} of run {run.run_id!r} is gone")
        current = found
        return found

    async def pause() -> None:
        await asyncio.sleep(_LOOK)

    if TaskState(current.state) not in FINISHED and not await scheduler_runs(config, store):
        say("no engine runs on this store: the task goes on when one does")
    while True:
        number = current.try_number
        if number == 0:
            if TaskState((await look()).state) in FINISHED:
                say(f"task {instance.task_id} has ended as {current.state} without a log")
                return current
            await pause()
            continue

        async def is_over(number: int = number) -> bool:
            seen = await look()
            return seen.try_number != number or TaskState(seen.state) in FINISHED

        async for text in follow(find_log(layout, run, current, number), is_over, pause):
            out.write(text)
            out.flush()
        if current.try_number == number:
            return current
