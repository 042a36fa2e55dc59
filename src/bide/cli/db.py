"""``bide db``: the store's schema and health, and how much history it keeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

import typer

from bide.cli import db_clean
from bide.cli.engines import find_engines, live_engines
from bide.cli.exit_codes import ExitCode
from bide.cli.opening import has_store, open_any_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_record
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.model.errors import StoreError, StoreInUse
from bide.store import health
from bide.store.migrate import HEAD, schema_state
from bide.store.migrate import upgrade as upgrade_store

app = typer.Typer(help="Upgrade or check the store, and delete what is old.", no_args_is_help=True)


@app.command()
def upgrade(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Make the store, or bring its schema up to date."""
    show_record(asyncio.run(_upgrade(read_config(dags))), output)


@app.command()
def check(
    reachable: Annotated[
        bool, typer.Option("--reachable", help="Only whether the store can be opened, or made if there is none.")
    ] = False,
    retry: Annotated[int, typer.Option(min=0, metavar="N", help="If it can't, try so many times more.")] = 0,
    retry_delay: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Before each of them.")] = 1.0,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read the whole store and say whether it is sound and of this version; exit code 3 if not."""
    config = read_config(dags)
    found = _patiently(lambda: asyncio.run(_reach(config) if reachable else _check(config)), retry, retry_delay)
    show_record(found, output)
    if found["problems"]:
        raise typer.Exit(ExitCode.STORE)


app.command()(db_clean.clean)


async def _upgrade(config: Config) -> Row:
    async with open_any_store(config) as store:
        before = schema_state(store)
        if not before.is_current:
            # Whoever is at work on it knows the schema that it has.
            engines = await live_engines(config, store)
            if engines:
                raise StoreInUse(f"store {config.shown_store} is in use by `{engines[0]}`: stop it first")
        await asyncio.to_thread(upgrade_store, store)
        return {"store": config.shown_store, "schema": HEAD, "before": before.revision}


def _patiently(look: Callable[[], Row], retry: int, delay: float) -> Row:
    """What `look` finds; where it raises or finds problems, what it does at the last of its tries."""
    for left in range(retry, -1, -1):
        try:
            found = look()
        except StoreError:
            if not left:
                raise
        else:
            if not left or not found["problems"]:
                return found
        time.sleep(delay)
    raise AssertionError("unreachable: the last try returns or raises")


async def _reach(config: Config) -> Row:
    if has_store(config):
        async with open_any_store(config) as store:
            await asyncio.to_thread(schema_state, store)
    return {"store": config.shown_store, "problems": []}


async def _check(config: Config) -> Row:
    if not has_store(config):
        raise StoreError(f"there is no store {config.shown_store}")
    async with open_any_store(config) as store:
        state = schema_state(store)
        problems, size = await store.read(lambda tx: (health.find_problems(tx), health.size(tx)))
        engines = await find_engines(config, store)
    if not state.is_current:
        problems.append(f"schema {state.revision or 'none'} instead of {HEAD}: run `bide db upgrade`")
    return {
        "store": config.shown_store,
        "bytes": size,
        "schema": state.revision,
        "engine": "; ".join(map(str, engines)) or None,
        "problems": problems,
    }
