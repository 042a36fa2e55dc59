"""``bide connections``: where services are and how to log in, for hooks and tasks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import typer

from bide.authoring.local_files import as_connection
from bide.authoring.lookups import connection_from, connection_in_environment
from bide.cli.connection_trial import try_connection
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.kept_files import (
    ExportArgument,
    ImportArgument,
    OnExistingOption,
    read_file,
    tell_exported,
    write_file,
)
from bide.cli.opening import look, on_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.connections import add_connection, delete_connection, import_connections
from bide.control.shown_secrets import shown_connection
from bide.model.connection_fields import ConnectionFields, as_port, normal_type, to_mapping
from bide.model.connection_uri import to_uri
from bide.model.errors import NotFound
from bide.store import connections
from bide.store.connections import ConnectionRow

app = typer.Typer(help="Add, get, list, test, import and export connections.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the connection.", show_default=False)]
ShowOption = Annotated[bool, typer.Option("--show-values", help="Show passwords and other secrets, too.")]


def _field(*flags: str, text: str) -> Any:
    return typer.Option(*flags, help=text, show_default=False)


@app.command()
def add(
    conn_id: IdArgument,
    conn_uri: Annotated[
        str | None,
        _field("--conn-uri", "--uri", text="All of it, as type://login:password@host:port/schema?extra=..."),
    ] = None,
    conn_json: Annotated[str | None, _field("--conn-json", "--json", text="All of it, as a JSON object.")] = None,
    conn_type: Annotated[str | None, _field("--conn-type", text="Which hooks it is for, such as postgres.")] = None,
    description: Annotated[
        str | None, _field("--conn-description", "--description", text="What it is for.")
    ] = None,
    host: Annotated[str | None, _field("--conn-host", "--host", text="Name or address.")] = None,
    login: Annotated[str | None, _field("--conn-login", "--login", text="User.")] = None,
    password: Annotated[
        str | None,
        _field("--conn-password", "--password", text="Password. - asks for it, so that no history keeps it."),
    ] = None,
    schema: Annotated[str | None, _field("--conn-schema", "--schema", text="Database or path.")] = None,
    port: Annotated[str | None, _field("--conn-port", "--port", text="Port.")] = None,
    extra: Annotated[str | None, _field("--conn-extra", "--extra", text="Whatever else, as a JSON object.")] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Add a connection."""
    if password == "-":
        password = typer.prompt("Password", hide_input=True, err=True)
    given = {
        "conn_type": normal_type(conn_type),
        "host": host,
        "login": login,
        "password": password,
        "schema": schema,
        "port": as_port(port, what=f"connection {conn_id!r}"),
        "extra": extra,
    }
    fields = _whole(conn_id, conn_uri, conn_json, given)
    fields = msgspec.structs.replace(fields, description=description or fields.description)
    on_store(read_config(dags), lambda store: add_connection(store, conn_id, fields, by=this_person()), make=True)
    tell({"conn_id": conn_id}, output, f"connection {conn_id} is added")


def _whole(conn_id: str, uri: str | None, text: str | None, given: dict[str, Any]) -> ConnectionFields:
    """The connection that was given in one of the three ways."""
    named = [f"--conn-{name.removeprefix('conn_')}" for name, value in given.items() if value is not None]
    whole = uri if uri is not None else text
    if whole is None:
        if given["conn_type"] is None:
            raise BadInput("a connection needs --conn-type, or all of it in --conn-uri or --conn-json")
        return ConnectionFields(**given)
    if named or (uri is not None and text is not None):
        other = named[0] if named else "--conn-json"
        raise BadInput(f"{'--conn-uri' if uri is not None else '--conn-json'} says all: leave out {other}")
    return connection_from(whole, what=f"connection {conn_id!r}")


@app.command("get")
def get_one(
    conn_id: IdArgument,
    show_values: ShowOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a connection: that of the environment where tasks would find it there, else the store's."""
    found = connection_in_environment(conn_id)
    kept_by = "environment"
    if found is None:
        row, kept_by = _find(read_config(dags), conn_id), "store"
        if row is None:
            raise NotFound(f"there is no connection {conn_id!r}")
        found = row.fields
    record = dict(connection_row(ConnectionRow(conn_id, found), show_values=show_values))
    show_record({**record, "uri": to_uri(found) if show_values else None, "kept_by": kept_by}, output)


@app.command("list")
def list_all(
    conn_id: Annotated[str | None, typer.Option("--conn-id", help="Only this one.", show_default=False)] = None,
    show_values: ShowOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the connections of the store."""
    found = look(read_config(dags), connections.list_all)
    rows = [connection_row(row, show_values=show_values) for row in found if conn_id in (None, row.conn_id)]
    show_rows(rows, output, empty="no connections")


@app.command("delete")
def delete_one(conn_id: IdArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Delete a connection."""
    on_store(read_config(dags), lambda store: delete_connection(store, conn_id, by=this_person()))
    tell({"conn_id": conn_id, "deleted": True}, output, f"connection {conn_id} is deleted")


@app.command("test")
def test_one(
    conn_id: IdArgument,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for the answer.")] = 60.0,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the hook of a connection's type whether the service can be reached; exit code 1 if not."""
    config = read_config(dags)
    found = connection_in_environment(conn_id)
    if found is None:
        row = _find(config, conn_id)
        if row is None:
            raise NotFound(f"there is no connection {conn_id!r}")
        found = row.fields
    good, said = asyncio.run(try_connection(config, conn_id, found, timeout))
    show_record({"conn_id": conn_id, "status": good, "message": said}, output)
    if not good:
        raise typer.Exit(ExitCode.FAILED)


@app.command("import")
def import_all(
    file: ImportArgument,
    on_existing: OnExistingOption = "fail",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Another way to ask for -a overwrite.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read connections from a file: URIs or objects of fields by id (JSON, YAML), or lines ID=URI. All or none."""
    entries = read_file(file).items()
    rows = [ConnectionRow(key, as_connection(value, what=f"{file}: connection {key!r}")) for key, value in entries]
    action = "overwrite" if overwrite else on_existing
    written, skipped = on_store(
        read_config(dags),
        lambda store: import_connections(store, rows, on_existing=action, by=this_person()),
        make=True,
    )
    show_record({"imported": len(written), "skipped": len(skipped)}, output)


@app.command("export")
def export_all(file: ExportArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Write all connections, with their passwords, to a file that `bide connections import` reads."""
    found = look(read_config(dags), connections.list_all)
    if file.suffix == ".env":
        entries: dict[str, Any] = {row.conn_id: to_uri(row.fields) for row in found}
    else:
        entries = {
            row.conn_id: {name: value for name, value in to_mapping(row.fields).items() if value is not None}
            for row in found
        }
    write_file(file, entries)
    tell_exported(len(found), "connections", file, output)


def connection_row(row: ConnectionRow, *, show_values: bool) -> Row:
    """A connection for a list."""
    fields = row.fields if show_values else shown_connection(row.fields)
    values = to_mapping(fields)
    return {"conn_id": row.conn_id, **values}


def _find(config: Config, conn_id: str) -> ConnectionRow | None:
    return look(config, lambda tx: connections.find(tx, conn_id))
