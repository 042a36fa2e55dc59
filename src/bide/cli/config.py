"""``bide config``: the settings of this project."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from bide.cli.exit_codes import BadInput
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import show_json, show_rows, tell
from bide.cli.settings import read_config
from bide.config.airflow.names import SERVED, UNSERVED
from bide.config.airflow.report import airflow_report
from bide.config.airflow.source import PREFIX as AIRFLOW_PREFIX
from bide.config.resolved import Config
from bide.config.table import setting_rows, show_value

app = typer.Typer(help="Show and check the settings of this project.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Show and check the settings of this project."""


@app.command()
def show(
    section: Annotated[str | None, typer.Argument(help="Only this section.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print each setting: its value, where that comes from, and what it means."""
    config = read_config(dags)
    rows = [
        {
            "setting": row.name,
            "value": value if output is Output.JSON else show_value(value),
            "source": config.source(row.section, row.key),
            "meaning": row.meaning,
        }
        for row in setting_rows().values()
        if section in (None, row.section)
        for value in [config.shown_value(row.section, row.key)]
    ]
    if not rows:
        raise typer.BadParameter(f"there is no section [{section}]", param_hint="SECTION")
    show_rows(rows, output, title=f"Project {config.project}, state in {config.home}")


@app.command("get")
def get_one(
    section: Annotated[str, typer.Argument(help="Section of the setting.", show_default=False)],
    key: Annotated[str, typer.Argument(help="Its name; those of Airflow will do.", show_default=False)],
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the value of one setting, and nothing else."""
    config = read_config(dags)
    section, key = section.lower(), key.lower()
    name = _name_here(section, key)
    told = config.runner_environment(os.environ)
    if name is not None:
        value, source = _shown(config, name), config.source(*name)
    elif (variable := f"{AIRFLOW_PREFIX}{section}__{key}".upper()) in told:
        name, value, source = (section, key), told[variable], "as conf.get() finds it"
    else:
        advice = UNSERVED.get((section, key), "`bide config show` lists all")
        raise BadInput(f"there is no setting {section}.{key}: {advice}")
    if output is Output.JSON:
        show_json({"setting": ".".join(name), "value": value, "source": source})
    else:
        sys.stdout.write(f"{value if isinstance(value, str) else show_value(value)}\n")


@app.command()
def check(
    airflow: Annotated[
        bool,
        typer.Option("--airflow", help="List what airflow.cfg and AIRFLOW__SECTION__KEY give, and what it does."),
    ] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read all settings; exit code 2 names the first that can't be."""
    config = read_config(dags)
    if not airflow:
        tell({"project": config.project, "given": len(config.sources)}, output, "all settings can be read")
        return
    rows = [row._asdict() for row in airflow_report(config, os.environ)]
    show_rows(rows, output, empty="no settings of Airflow's are given")


def _name_here(section: str, key: str) -> tuple[str, str] | None:
    """Section and key of Bide's setting of that name, its own or Airflow's."""
    if (section, key) in setting_rows():
        return section, key
    served = SERVED.get((section, key))
    if served is None or not served.is_alias:
        return None
    here, _, name = served.name.partition(".")
    return here, name


def _shown(config: Config, name: tuple[str, str]) -> Any:
    """The value as people may see it; folders as they are."""
    match name:
        case ("core", "dags_folder"):
            return str(config.dags_folder)
        case ("core", "plugins_folder"):
            return str(config.plugins_folder)
        case _:
            return config.shown_value(*name)
