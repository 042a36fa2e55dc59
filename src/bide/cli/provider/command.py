"""``bide provider``: packages with operators and hooks for other services."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any

import typer

from bide.authoring.providers import ProviderInfo, installed_providers
from bide.cli.exit_codes import ExitCode
from bide.cli.options import Output, OutputOption
from bide.cli.output import Row, say, show_rows, tell
from bide.cli.provider.installing import PREFIX, check_aliases, install, package_name, requirement, uninstall
from bide.model.errors import NotFound

app = typer.Typer(help="Install, list, check and remove provider packages.", no_args_is_help=True)

NamesArgument = Annotated[
    list[str], typer.Argument(help="Providers: amazon, apache-spark, http==5.2, ...", show_default=False)
]


@app.command()
def add(names: NamesArgument, output: OutputOption = Output.TABLE) -> None:
    """Install provider packages, without Airflow itself, and what they need."""
    check_aliases()
    wanted = [requirement(name) for name in names]
    install(wanted)
    installed_providers.cache_clear()
    found = installed_providers()
    versions = {name: found[name].version for name in map(package_name, wanted) if name in found}
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    tell({"installed": versions}, output, f"installed: {said}")


@app.command()
def remove(names: NamesArgument, output: OutputOption = Output.TABLE) -> None:
    """Remove provider packages; what they needed stays."""
    packages = [package_name(requirement(name)) for name in names]
    for name in packages:
        _installed(name)
    uninstall(packages)
    tell({"removed": packages}, output, f"removed: {', '.join(packages)}")


@app.command("list")
def list_all(output: OutputOption = Output.TABLE) -> None:
    """List provider packages that are installed, and what they bring."""
    rows = [_summary(name, info) for name, info in sorted(installed_providers().items())]
    show_rows(rows, output, empty="no provider packages are installed: see `bide provider add --help`")


@app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Providers; all, if left out.", show_default=False)
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Import every module of provider packages, and say which can't be, and why.

    A module that needs a further package counts as such, and so does one that needs what Bide has a part of its own
    for (executors, logins, ...). One that needs any other name that Bide does not have ends the command with exit
    code 1.
    """
    packages = [package_name(requirement(name)) for name in names or ()] or sorted(installed_providers())
    infos = {name: _installed(name) for name in packages}
    rows = [_checked(name, info) for name, info in infos.items()]
    if output is Output.TABLE:
        for row in rows:
            for failure in row["failures"]:
                say(f"{failure['module']}: {failure['text'].splitlines()[0]}")
        rows = [{key: value for key, value in row.items() if key != "failures"} for row in rows]
    show_rows(rows, output, empty="no provider packages are installed")
    if any(row["lacks_name"] or row["other"] for row in rows):
        raise typer.Exit(ExitCode.FAILED)


def _installed(name: str) -> ProviderInfo:
    found = installed_providers().get(name)
    if found is None:
        raise NotFound(f"{name} is not installed: bide provider add {name.removeprefix(PREFIX)}")
    return found


def _summary(name: str, info: ProviderInfo) -> Row:
    data = info.data
    return {
        "package": name,
        "version": info.version,
        "connections": [one["connection-type"] for one in data.get("connection-types") or ()],
        "decorators": [f"@task.{one['name']}" for one in data.get("task-decorators") or ()],
        "secrets_backends": len(data.get("secrets-backends") or ()),
        "notifiers": len(data.get("notifications") or ()),
    }


def _checked(name: str, info: ProviderInfo) -> Row:
    # In a process of its own each: what one package does on import must not tint the next, nor us.
    done = subprocess.run(
        [sys.executable, "-m", "bide.cli.provider.sweep", info.module], check=False, capture_output=True, text=True
    )
    found: dict[str, Any] = {"modules": 0, "failures": []}
    if done.returncode == 0:
        found = json.loads(done.stdout.splitlines()[-1])
    else:
        text = (done.stderr.splitlines() or [f"the process ended with {done.returncode}"])[-1]
        found["failures"].append({"module": info.module, "kind": "other", "text": text})
    failures: list[dict[str, str]] = found["failures"]

    def count(kind: str) -> int:
        return sum(one["kind"] == kind for one in failures)

    return {
        "package": name,
        "version": info.version,
        "modules": found["modules"],
        "importable": max(found["modules"] - len(failures), 0),
        "lacks_package": count("package"),
        "refused": count("refused"),
        "lacks_name": count("name"),
        "other": count("other"),
        "failures": failures,
    }
