"""``bide waits signal`` and ``cancel``."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
import typer

from bide.cli.exit_codes import BadInput
from bide.cli.opening import open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_json
from bide.cli.settings import read_config
from bide.cli.task_rows import find_instance
from bide.config.resolved import Config
from bide.control.cancel_wait import cancel_wait
from bide.control.send_signal import LONGEST, Taken, send_signal
from bide.model.errors import NotSerializable
from bide.model.ids import NOT_MAPPED
from bide.model.values import encode
from bide.store.views import InstanceView

DagArgument = Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)]
TaskArgument = Annotated[str, typer.Argument(help="Id of the task.", show_default=False)]
RunOption = Annotated[
    str | None, typer.Option("--run", "-r", help="Id of the run; by default the newest.", show_default=False)
]
MapIndexOption = Annotated[int, typer.Option(help="Of a mapped instance.", show_default=False)]

#: What became of a signal, for people.
_TAKEN: dict[Taken, str] = {"resumed": "the task goes on", "stored": "kept until the task waits for it"}


def signal(
    dag_id: DagArgument,
    task_id: TaskArgument,
    name: Annotated[str, typer.Argument(help="Which signal.")] = "default",
    payload: Annotated[
        str | None,
        typer.Option("--payload", "-p", metavar="JSON", help="What is sent; - reads it.", show_default="null"),
    ] = None,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Send a signal to a task: it goes on if it waits for that, else the signal is kept for 30 days."""
    config = read_config(dags)
    body = _read_payload(payload)

    async def send() -> tuple[InstanceView, Taken]:
        async with open_store(config) as store:
            _, found = await store.read(lambda tx: find_instance(tx, dag_id, run, task_id, map_index))
            return found, await send_signal(store, found.uid, name, body, by=this_person())

    found, taken = asyncio.run(send())
    if output is Output.JSON:
        show_json({**_names(found), "signal": name, "result": taken})
    else:
        say(f"signal {name} sent to {dag_id}.{task_id} of run {found.run_id}: {_TAKEN[taken]}")


def cancel(
    dag_id: DagArgument,
    task_id: TaskArgument,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End what a task waits for: its work outside is cancelled, and the task fails without another try."""
    found, subject = asyncio.run(_cancel(read_config(dags), dag_id, task_id, run, map_index))
    if output is Output.JSON:
        show_json({**_names(found), "cancelled": subject})
    else:
        say(f"{dag_id}.{task_id} of run {found.run_id} waits no longer for {subject}")


async def _cancel(
    config: Config, dag_id: str, task_id: str, run: str | None, map_index: int
) -> tuple[InstanceView, str]:
    async with open_store(config) as store:
        _, found = await store.read(lambda tx: find_instance(tx, dag_id, run, task_id, map_index))
        return found, await cancel_wait(store, found.uid, by=this_person())


def _names(found: InstanceView) -> Row:
    return {
        "dag_id": found.dag_id,
        "run_id": found.run_id,
        "task_id": found.task_id,
        "map_index": found.map_index,
    }


def _read_payload(text: str | None) -> bytes:
    if text is None:
        return encode(None, what="payload")
    data = sys.stdin.buffer.read() if text == "-" else text.encode()
    if len(data) > LONGEST:
        raise BadInput(
            f"--payload may have {LONGEST // 1024} KiB; keep what is longer elsewhere, and send where that is"
        )
    try:
        return encode(msgspec.json.decode(data), what="payload")
    except (msgspec.DecodeError, NotSerializable, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"--payload must be JSON, such as '{{\"ok\": true}}': {error}") from None
