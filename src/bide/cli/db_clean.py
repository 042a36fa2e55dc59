"""``bide db clean``: delete old history."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from bide.cli.arguments import read_moment
from bide.cli.engines import find_engines
from bide.cli.exit_codes import BadInput
from bide.cli.opening import open_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_rows
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.clean_history import RUNS, TABLES, Cleaned, Cleaning, clean_history, count_history
from bide.model.log_path import LogLayout
from bide.model.retention import Keep, Retention
from bide.observe.archive_files import archive_file
from bide.store import Store

#: Beside an engine it takes a tenth of the time of whoever writes.
_PACE: Final = 9.0


def clean(
    before: Annotated[
        str | None,
        typer.Option(
            "--before", "--clean-before-timestamp", help="Runs that ended before: ISO 8601.", show_default=False
        ),
    ] = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", help="The same, in days.", show_default=False)
    ] = None,
    keep_runs: Annotated[
        int | None,
        typer.Option("--keep-runs", min=0, help="Runs beside the newest so many of each DAG.", show_default=False),
    ] = None,
    dag: Annotated[
        list[str] | None,
        typer.Option("--dag", "--dag-ids", help="Only of this DAG; may be given again.", show_default=False),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option("--tables", "-t", metavar="A,B", help=f"Only of: {', '.join(TABLES)}.", show_default=False),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--archive", metavar="DIR", help="By default [retention] archive_folder.", show_default=False),
    ] = None,
    skip_archive: Annotated[bool, typer.Option("--skip-archive", help="Keep nothing of what is deleted.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how much it is, and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete old runs with all that belongs to them; by default what the settings would. Asks on a terminal."""
    config = read_config(dags)
    what = Cleaning(
        _rules(config, before, older_than, keep_runs),
        dag_ids=dag,
        tables=_tables(tables),
        logs=LogLayout(config.logs_root, config.settings.logging.log_filename_template),
        elsewhere=config.xcoms_elsewhere,
        archive=None if skip_archive else _archive(config, archive),
    )
    total = None
    if dry_run or (not yes and sys.stdin.isatty()):
        planned = asyncio.run(_count(config, what))
        total = planned.rows.get(RUNS)
        if dry_run:
            _show(planned, output, "nothing was deleted (--dry-run)")
            return
        if any(planned.rows.values()):
            typer.confirm(f"delete {_told(planned)}?", abort=True, err=True)
    with _bar(total) as progress:
        done = asyncio.run(_clean(config, replace(what, progress=progress)))
    kept = f"; kept in {what.archive}" if what.archive is not None and done.rows.get(RUNS) else ""
    _show(done, output, f"deleted {_told(done)}, {done.logs} logs{kept}")


def _rules(config: Config, before: str | None, older_than: float | None, keep_runs: int | None) -> Retention:
    if before is not None and older_than is not None:
        raise BadInput("--before and --older-than say the same: give one of them")
    if before is None and older_than is None and keep_runs is None:
        found = config.retention
        if found.is_all:
            raise BadInput("say what is old: --before, --older-than, --keep-runs, or settings in [retention]")
        return found
    moment = read_moment("--before", before, config.settings.core.default_timezone)
    days = older_than if moment is None else (datetime.now(UTC) - moment) / timedelta(days=1)
    return Retention(Keep(days, keep_runs))


def _tables(text: str | None) -> tuple[str, ...]:
    if text is None:
        return TABLES
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in TABLES:
            raise BadInput(f"--tables: there is nothing to clean in {name!r}; there are {', '.join(TABLES)}")
    return names


def _archive(config: Config, folder: Path | None) -> Path | None:
    chosen = config.archive_folder if folder is None else folder.absolute()
    return None if chosen is None else archive_file(chosen, datetime.now(UTC))


async def _count(config: Config, what: Cleaning) -> Cleaned:
    async with open_store(config) as store:
        return await count_history(store, what)


async def _clean(config: Config, what: Cleaning) -> Cleaned:
    async with open_store(config) as store:
        return await clean_history(store, replace(what, pace=await _pace(config, store)))


async def _pace(config: Config, store: Store) -> float:
    return _PACE if await find_engines(config, store) else 0.0


def _show(done: Cleaned, output: Output, message: str) -> None:
    rows: list[Row] = [{"table": name, "rows": number} for name, number in done.rows.items()]
    if output is Output.JSON:
        show_json({"tables": done.rows, "logs": done.logs})
    else:
        show_rows(rows, output)
        say(message)


def _told(done: Cleaned) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in done.rows.items() if number) or "nothing"


@contextmanager
def _bar(total: int | None) -> Generator[Callable[[int], None]]:
    """A bar on the terminal, nothing elsewhere; `total` is the number of runs, if that is known."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("deleting runs", total=total)
        yield lambda done: bar.update(task, completed=done)
