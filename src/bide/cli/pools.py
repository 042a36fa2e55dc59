"""``bide pools``: slots that tasks of any DAG share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bide.cli.exit_codes import BadInput
from bide.cli.opening import make_store, on_store, open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.keep_pools import delete_pool, list_pools, set_pools
from bide.model.errors import NotFound
from bide.model.pools import UNLIMITED, Pool, read_pools
from bide.store.pools import PoolView

app = typer.Typer(help="List, make, change and delete pools.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the pool.", show_default=False)]


@app.command("list")
def list_all(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """List pools and what their slots are taken by."""
    show_rows([_summary(view) for view in asyncio.run(_list(read_config(dags)))], output)


@app.command()
def get(name: NameArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show one pool."""
    found = asyncio.run(_list(read_config(dags)))
    view = next((one for one in found if one.pool.name == name), None)
    if view is None:
        raise NotFound(f"there is no pool {name!r}")
    show_record(_summary(view), output)


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_one(
    name: NameArgument,
    slots: Annotated[int, typer.Argument(min=UNLIMITED, help="How many at once; -1 for any number.")],
    description: Annotated[str, typer.Argument(help="For people.", show_default=False)] = "",
    include_deferred: Annotated[
        bool, typer.Option("--include-deferred", help="Deferred tasks take slots, too.")
    ] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a pool, or change it; what waits for it is looked at again at once."""
    asyncio.run(_set(read_config(dags), [Pool(name, slots, description, include_deferred)]))
    message = f"pool {name} has {'any number of' if slots == UNLIMITED else slots} slots"
    tell({"pool": name, "slots": slots, "include_deferred": include_deferred}, output, message)


@app.command()
def delete(name: NameArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Delete a pool: tasks that name it wait until there is one again."""
    config = read_config(dags)

    on_store(config, lambda store: delete_pool(store, name, by=this_person()))
    tell({"pool": name, "deleted": True}, output, f"pool {name} is deleted")


@app.command("import")
def import_all(
    file: Annotated[Path, typer.Argument(help="JSON, as `bide pools export` writes it.", show_default=False)],
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make or change the pools of a file."""
    try:
        given = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BadInput(f"{file} is not JSON: {error}") from None
    pools = read_pools(given)
    asyncio.run(_set(read_config(dags), pools))
    message = f"{len(pools)} pool{'' if len(pools) == 1 else 's'} imported"
    tell({"imported": [pool.name for pool in pools]}, output, message)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Left out: standard output.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write all pools as JSON."""
    found = [view.pool for view in asyncio.run(_list(read_config(dags)))]
    plain = {
        pool.name: {
            "slots": pool.slots,
            "description": pool.description,
            "include_deferred": pool.include_deferred,
        }
        for pool in found
    }
    text = msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n"
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} can't be written: {error.strerror}") from None
    message = f"{len(found)} pool{'' if len(found) == 1 else 's'} exported to {file}"
    tell({"exported": [pool.name for pool in found], "file": file}, output, message)


async def _list(config: Config) -> list[PoolView]:
    async with open_store(config) as store:
        return await list_pools(store)


async def _set(config: Config, pools: Sequence[Pool]) -> None:
    await make_store(config)
    async with open_store(config) as store:
        await set_pools(store, pools, by=this_person())


def _summary(view: PoolView) -> Row:
    pool = view.pool
    return {
        "pool": pool.name,
        "slots": pool.slots,
        "open": view.open,
        "running": view.running,
        "queued": view.queued,
        "scheduled": view.scheduled,
        "deferred": view.deferred,
        "include_deferred": pool.include_deferred,
        "description": pool.description or None,
    }
