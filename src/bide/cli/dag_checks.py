"""``bide dags lint``, ``report``, ``reserialize`` and ``test``: what DAG files are worth, and a run of one DAG."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from bide.authoring.loading import load_file
from bide.authoring.runtime import use_runtime
from bide.cli.arguments import read_conf, read_moment
from bide.cli.dag_files import find_dag, parse_files, source_at
from bide.cli.dag_rows import file_reports
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.opening import make_store, open_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.register_file import forget_file, known_files, register_file
from bide.observe.clock import SystemClock
from bide.runner.runtimes import ProcessRuntime
from bide.wire.messages import FileParsed

#: Kinds of errors that have a rule of their own, by what their messages begin with.
_ERROR_RULES = {"CycleError": "cycle", "DuplicateId": "duplicate-dag", "DAG id": "duplicate-dag"}


def lint(
    path: Annotated[
        Path | None,
        typer.Argument(help="A DAG file or a folder; by default the folder of all DAGs.", show_default=False),
    ] = None,
    slow: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="What one line may take at the import.")
    ] = 0.5,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what is wrong with DAG files, and what is slow or odd. Exit code 1 if there are errors."""
    config = read_config(dags)
    place = config.dags_folder if path is None else source_at(path, config.dags_folder)
    parsed = asyncio.run(parse_files(config, place, slow=slow))
    rows = [row for file in parsed for row in _findings(file)]
    if output is Output.TABLE:
        for row in rows:
            where = row["file"] if row["line"] is None else f"{row['file']}:{row['line']}"
            sys.stdout.write(f"{where}: {row['level']}: {row['message']} [{row['rule']}]\n")
    else:
        show_json(rows)
    errors = sum(row["level"] == "error" for row in rows)
    dag_count = sum(len(file.dags) for file in parsed)
    say(f"{len(parsed)} files, {dag_count} DAGs: {errors} errors, {len(rows) - errors} warnings")
    if errors or (strict and rows):
        raise typer.Exit(ExitCode.FAILED)


def report(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show of each DAG file how long its import takes and what it makes, the slowest first."""
    config = read_config(dags)
    rows = asyncio.run(file_reports(config, parse=dags is not None))
    show_rows(rows, output, empty=f"no DAG files in {config.dags_folder}")


def reserialize(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Parse all DAG files now and store what they make, whether they have changed or not."""
    config = read_config(dags)
    stored, gone, errors = asyncio.run(_reserialize(config))
    message = f"{stored} DAGs stored, {gone} files forgotten, {errors} errors"
    tell({"dags": stored, "forgotten": gone, "errors": errors}, output, message)
    if errors:
        say("see `bide dags errors`")
        raise typer.Exit(ExitCode.FAILED)


def test(
    dag_id: Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)],
    logical_date: Annotated[
        str | None, typer.Argument(help="ISO 8601; by default now.", show_default=False)
    ] = None,
    conf: Annotated[str | None, typer.Option("--conf", "-c", help="JSON object for the run.")] = None,
    mark_success_pattern: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Tasks of these ids succeed without being run.")
    ] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run a DAG once in this process, as `dag.test()` does: nothing is stored. Exit code 1 if the run fails."""
    config = read_config(dags)
    moment = read_moment("LOGICAL_DATE", logical_date, config.settings.core.default_timezone)
    parsed = asyncio.run(parse_files(config, config.dags_folder))
    spec, _ = find_dag(parsed, dag_id, config.dags_folder)
    with _settings_of_runners(config):
        result = _run_here(
            spec.file,
            spec.folder,
            dag_id,
            output,
            run_conf=read_conf(conf),
            logical_date=moment,
            mark_success_pattern=mark_success_pattern,
        )
    if output is Output.JSON:
        tasks: list[Row] = [
            {"task_id": name, "state": task.state, "tries": task.tries, "error": task.error or None}
            for name, task in result.tasks.items()
        ]
        show_json({"dag_id": dag_id, "run_id": result.run_id, "state": result.state, "tasks": tasks})
    if result.state != "success":
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _settings_of_runners(config: Config) -> Generator[None]:
    """Code of DAG authors sees the settings that it would see in a process of its own."""
    before = dict(os.environ)
    os.environ.update(config.runner_environment(os.environ))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_here(file: str, folder: str, dag_id: str, output: Output, **options: Any) -> Any:
    """The result of ``dag.test()``; code of DAG authors runs in this process."""
    with use_runtime(ProcessRuntime(SystemClock()), in_all_threads=True):
        loaded = load_file(file, folder)
    if dag_id not in loaded.dags:
        errors = "\n".join(one.message for one in loaded.errors)
        raise BadInput(errors or f"{file} does not make the DAG {dag_id!r} in this process")
    # What tasks print is for people; the one value is for programs.
    with redirect_stdout(sys.stderr if output is Output.JSON else sys.stdout):
        return loaded.dags[dag_id].test(exit_on_failure=False, **options)


def _findings(file: FileParsed) -> list[Row]:
    errors: list[Row] = [
        {
            "file": file.path,
            "line": error.line,
            "level": "error",
            "rule": next((rule for begin, rule in _ERROR_RULES.items() if error.message.startswith(begin)), None)
            or ("import-error" if error.dag_id is None else "invalid-dag"),
            "message": error.message,
            "dag_id": error.dag_id,
            "task_id": None,
        }
        for error in file.errors
    ]
    warnings: list[Row] = [
        {
            "file": file.path,
            "line": one.line,
            "level": "warning",
            "rule": one.rule,
            "message": one.message,
            "dag_id": one.dag_id,
            "task_id": one.task_id,
        }
        for one in file.findings
    ]
    return [*errors, *warnings]


async def _reserialize(config: Config) -> tuple[int, int, int]:
    """How many DAGs were stored, how many files are gone, and how many errors there are."""
    parsed = await parse_files(config, config.dags_folder)
    await make_store(config)
    paused = config.settings.core.dags_are_paused_at_creation
    folder = str(config.dags_folder)
    async with open_store(config) as store:
        stored = [await register_file(store, file, folder=folder, paused_at_creation=paused) for file in parsed]
        found = {file.path for file in parsed}
        gone = [
            path for path in await known_files(store) if path not in found and Path(path).is_relative_to(folder)
        ]
        for path in gone:
            await forget_file(store, path)
    return sum(len(file.dags) for file in stored), len(gone), sum(len(file.errors) for file in stored)
