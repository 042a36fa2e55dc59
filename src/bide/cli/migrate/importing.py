"""``bide migrate import``: takes over what Airflow keeps of connections, variables and pools."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bide.authoring.local_files import as_connection, read_entries
from bide.cli.exit_codes import BadInput
from bide.cli.kept_files import OnExistingOption
from bide.cli.migrate.history import DEFAULT_RUNS, import_history, show_history
from bide.cli.opening import open_or_make_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_rows
from bide.cli.settings import read_config
from bide.cli.variables import variable_from
from bide.config.airflow.source import find_value
from bide.config.given_elsewhere import COMMAND, SECRET, ask_backend, command_output
from bide.config.resolved import Config
from bide.config.urls import hide_password
from bide.control.connections import import_connections
from bide.control.importing import OnExisting, sort_out
from bide.control.keep_pools import list_pools, set_pools
from bide.control.variables import import_variables
from bide.model.pools import DEFAULT_POOL, read_pools
from bide.store import Tx
from bide.store import connections as stored_connections
from bide.store import variables as stored_variables
from bide.store.airflow_database import Kept, read_airflow_database
from bide.store.airflow_history import check_history
from bide.store.connections import ConnectionRow

OptionalPath = Path | None


def _file(flag: str, what: str) -> Any:
    return typer.Option(flag, metavar="FILE", help=f"What `airflow {what} export` wrote.", show_default=False)


def import_all(
    connections: Annotated[OptionalPath, _file("--connections", "connections")] = None,
    variables: Annotated[OptionalPath, _file("--variables", "variables")] = None,
    pools: Annotated[OptionalPath, _file("--pools", "pools")] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Airflow's database, which is only read.", show_default=False),
    ] = None,
    fernet_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Airflow's key; by default that of its settings.", show_default=False),
    ] = None,
    on_existing: OnExistingOption = "fail",
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Take over DAGs and their runs from the database, too.")
    ] = True,
    runs: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many of the newest runs of each DAG.")
    ] = DEFAULT_RUNS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the names, and write nothing.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over connections, variables and pools from files, or with DAGs' runs from Airflow's database.

    Without files it reads the database of --database, by default that of airflow.cfg or AIRFLOW__DATABASE__....
    Schedules then go on here where they have stopped there, and DAGs are paused here that are paused there.
    """
    config = read_config(dags)
    files = [connections, variables, pools]
    if any(files) and (database or fernet_key):
        raise BadInput("give files or --database, not both")
    url = None if any(files) else _database(config, database)
    kept = _from_files(connections, variables, pools) if url is None else _from_database(config, url, fernet_key)
    if url is not None and history:
        # Before anything is written.
        check_history(url)
    rows = [_row("connection", row.conn_id) for row in kept.connections]
    rows += [_row("variable", row.key) for row in kept.variables]
    rows += [_row("pool", pool.name) for pool in kept.pools]
    if not dry_run:
        skipped = asyncio.run(_write(config, kept, on_existing))
        rows = [{**row, "done": "skipped" if (row["kind"], row["name"]) in skipped else "imported"} for row in rows]
    if url is not None and history:
        rows += show_history(url, runs) if dry_run else asyncio.run(import_history(config, url, runs, on_existing))
    show_rows(rows, output, empty="there is nothing to import")


def _row(kind: str, name: str) -> Row:
    return {"kind": kind, "name": name, "done": None, "detail": None}


def _from_files(connections: OptionalPath, variables: OptionalPath, pools: OptionalPath) -> Kept:
    return Kept(
        [
            ConnectionRow(key, as_connection(value, what=f"{connections}: connection {key!r}"))
            for key, value in (read_entries(connections) if connections else {}).items()
        ],
        [variable_from(key, value) for key, value in (read_entries(variables) if variables else {}).items()],
        read_pools(read_entries(pools)) if pools else [],
    )


def _database(config: Config, url: str | None) -> str:
    found = airflow_setting(config, os.environ, ("database", "sql_alchemy_conn"), ("core", "sql_alchemy_conn"))
    url = url or found
    if not url:
        raise BadInput(
            "name Airflow's database by --database URL or AIRFLOW_HOME, or give files: --connections, --variables, "
            "--pools"
        )
    say(f"reading {hide_password(url)}")
    return url


def _from_database(config: Config, url: str, key: str | None) -> Kept:
    given = key if key is not None else airflow_setting(config, os.environ, ("core", "fernet_key"))
    return read_airflow_database(url, [one.strip() for one in (given or "").split(",") if one.strip()])


def airflow_setting(config: Config, environ: Mapping[str, str], *names: tuple[str, str]) -> str | None:
    """A setting of Airflow's that Bide heeds nowhere else; the command or the backend that has it is asked."""
    found = find_value(config.project, environ, *names)
    if found is None:
        return None
    if found.kind == SECRET:
        return ask_backend(config.backend, {found.source: found.value}, environ)[found.source]
    return command_output(found.value, found.source) if found.kind == COMMAND else found.value


async def _write(config: Config, kept: Kept, on_existing: OnExisting) -> set[tuple[str, str]]:
    """Store all of it, or raise :class:`Conflict`; kind and name of what was left alone."""
    by = this_person()
    async with open_or_make_store(config) as store:
        taken = {name: await store.read(known) for name, known in _KNOWN.items()}
        # The default pool is always there, with the slots of a setting until somebody sets it.
        taken["pool"] = {view.pool.name for view in await list_pools(store)} - {DEFAULT_POOL}
        given = {
            "connection": [row.conn_id for row in kept.connections],
            "variable": [row.key for row in kept.variables],
            "pool": [pool.name for pool in kept.pools],
        }
        found = {kind: sort_out(names, taken[kind], on_existing, kind) for kind, names in given.items()}
        await import_connections(store, kept.connections, on_existing=on_existing, by=by)
        await import_variables(store, kept.variables, on_existing=on_existing, by=by)
        await set_pools(store, [pool for pool in kept.pools if pool.name in found["pool"].wanted], by=by)
    return {(kind, name) for kind, one in found.items() for name in one.skipped}


#: Names that are taken.
_KNOWN: Final[dict[str, Callable[[Tx], set[str]]]] = {
    "connection": stored_connections.known_ids,
    "variable": stored_variables.known_keys,
}
