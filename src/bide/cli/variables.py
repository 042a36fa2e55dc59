"""``bide variables``: texts that DAG files and tasks look up by key."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, cast

import typer

from bide.authoring.local_files import as_variable
from bide.authoring.lookups import variable_in_environment
from bide.cli.exit_codes import BadInput
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
from bide.cli.output import Row, show_json, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.control.variables import delete_variable, import_variables, save_variable
from bide.model.errors import NotFound
from bide.observe.masking import MASK, is_secret_name
from bide.store import variables
from bide.store.variables import VariableRow

app = typer.Typer(help="Set, get, list, import and export variables.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="Key of the variable.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", "-j", help="The value is JSON, and is checked to be.")]
ShowOption = Annotated[
    bool, typer.Option("--show-values", help="Show the values of variables that are secrets, too.")
]


@app.command("set")
def set_one(
    key: KeyArgument,
    value: Annotated[
        str, typer.Argument(help="Its value; - reads it from the standard input.", show_default=False)
    ],
    description: Annotated[str | None, typer.Option(help="What it is for.", show_default=False)] = None,
    secret: Annotated[
        bool | None,
        typer.Option(
            "--secret/--no-secret",
            help="Whether its value is masked in logs and lists. By default that of a new variable is if its key "
            "says so (password, token, ...).",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set a variable."""
    text = sys.stdin.read().removesuffix("\n") if value == "-" else value
    if as_json:
        _parsed(key, text)
    on_store(
        read_config(dags),
        lambda store: save_variable(store, key, text, description=description, is_secret=secret, by=this_person()),
        make=True,
    )
    tell({"key": key}, output, f"variable {key} is set")


@app.command("get")
def get_one(
    key: KeyArgument,
    default: Annotated[
        str | None,
        typer.Option("--default", "-d", help="Printed if there is no such variable.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the value of a variable: that of the environment where tasks would find it there, else the store's."""
    text = variable_in_environment(key)
    row = None if text is not None else look(read_config(dags), lambda tx: variables.find(tx, key))
    if row is not None:
        text = row.value
    if text is None:
        text = default
    if text is None:
        raise NotFound(f"there is no variable {key!r}")
    if output is Output.JSON:
        show_json({"key": key, "value": _parsed(key, text) if as_json else text})
    elif as_json:
        show_json(_parsed(key, text))
    else:
        sys.stdout.write(text + "\n")


@app.command("list")
def list_all(show_values: ShowOption = False, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the variables of the store."""
    found = look(read_config(dags), variables.list_all)
    show_rows([variable_row(row, show_secrets=show_values) for row in found], output, empty="no variables")


@app.command("delete")
def delete_one(key: KeyArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Delete a variable."""
    on_store(read_config(dags), lambda store: delete_variable(store, key, by=this_person()))
    tell({"key": key, "deleted": True}, output, f"variable {key} is deleted")


@app.command("import")
def import_all(
    file: ImportArgument,
    on_existing: OnExistingOption = "overwrite",
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read variables from a file: JSON or YAML of keys and values, or lines KEY=VALUE (.env). All or none."""
    rows = [variable_from(key, value) for key, value in read_file(file).items()]
    written, skipped = on_store(
        read_config(dags),
        lambda store: import_variables(store, rows, on_existing=on_existing, by=this_person()),
        make=True,
    )
    show_record({"imported": len(written), "skipped": len(skipped)}, output)


@app.command("export")
def export_all(file: ExportArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Write all variables, secrets too, to a file that `bide variables import` reads; - is the standard output."""
    found = look(read_config(dags), variables.list_all)
    write_file(file, {row.key: _exported(row) for row in found})
    tell_exported(len(found), "variables", file, output)


def variable_row(row: VariableRow, *, show_secrets: bool) -> Row:
    """A variable for a list."""
    hidden = row.is_secret and not show_secrets
    return {
        "key": row.key,
        "value": MASK if hidden else row.value,
        "description": row.description or None,
        "is_secret": row.is_secret,
    }


def _exported(row: VariableRow) -> Any:
    if not row.description and row.is_secret == is_secret_name(row.key):
        return row.value
    return {"value": row.value, "description": row.description, "is_secret": row.is_secret}


def variable_from(key: str, value: Any) -> VariableRow:
    """A variable of a file: its text, an object that says more, or any other JSON, which becomes its text."""
    if isinstance(value, dict):
        said = cast("dict[str, Any]", value)
        if "value" in said and said.keys() <= {"value", "description", "is_secret"}:
            description, secret = str(said.get("description") or ""), bool(said.get("is_secret"))
            return VariableRow(key, as_variable(said["value"]), description, secret)
    return VariableRow(key, as_variable(value))


def _parsed(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"the value of variable {key!r} is no JSON: {error.msg} at {place}") from None
