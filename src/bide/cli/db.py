"""``bide db``: the store's schema and health."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
import typer

from bide.cli.exit_codes import ExitCode
from bide.cli.opening import open_any_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_record
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.engine.lock import find_holder
from bide.model.errors import StoreError, StoreInUse
from bide.store import Tx
from bide.store.migrate import HEAD, schema_state
from bide.store.migrate import upgrade as upgrade_store

app = typer.Typer(help="Upgrade or check the store.", no_args_is_help=True)


@app.command()
def upgrade(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Make the store, or bring its schema up to date."""
    show_record(asyncio.run(_upgrade(read_config(dags))), output)


@app.command()
def check(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Read the whole store and say whether it is sound and of this version; exit code 3 if not."""
    found = asyncio.run(_check(read_config(dags)))
    show_record(found, output)
    if found["problems"]:
        raise typer.Exit(ExitCode.STORE)


async def _upgrade(config: Config) -> Row:
    async with open_any_store(config) as store:
        before = schema_state(store)
        holder = find_holder(config.store_path)
        if holder is not None and not before.is_current:
            raise StoreInUse(
                f"store {config.store_path} is in use by `bide {holder.kind}`, process {holder.pid}: stop it first"
            )
        upgrade_store(store)
        return {"store": str(config.store_path), "schema": HEAD, "before": before.revision}


async def _check(config: Config) -> Row:
    if not config.store_path.exists():
        raise StoreError(f"there is no store {config.store_path}")
    async with open_any_store(config) as store:
        state = schema_state(store)
        problems = await store.read(_find_problems)
    if not state.is_current:
        problems.append(f"schema {state.revision or 'none'} instead of {HEAD}: run `bide db upgrade`")
    holder = find_holder(config.store_path)
    return {
        "store": str(config.store_path),
        "bytes": config.store_path.stat().st_size,
        "schema": state.revision,
        "engine": None if holder is None else f"bide {holder.kind}, process {holder.pid}",
        "problems": problems,
    }


def _find_problems(tx: Tx) -> list[str]:
    sound = tx.conn.execute(sa.text("PRAGMA integrity_check")).scalars()
    dangling = tx.conn.execute(sa.text("PRAGMA foreign_key_check"))
    return [
        *(line for line in sound if line != "ok"),
        *(f"table {table}, row {row}: what it names in {other} is missing" for table, row, other, _ in dangling),
    ]
