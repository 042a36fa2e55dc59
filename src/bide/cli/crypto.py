"""``bide crypto``: the keys that stored values are encrypted with."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from bide.cli.engines import find_engines
from bide.cli.opening import open_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_record, show_rows
from bide.cli.settings import read_config
from bide.config.fernet_keys import FernetKeys, generate_key
from bide.config.resolved import Config
from bide.control.rotate_keys import KeyUse, Progress, Rotation, key_usage, rotate_keys
from bide.model.errors import Conflict
from bide.model.sealed import fingerprint

app = typer.Typer(help="The keys that stored values are encrypted with.", no_args_is_help=True)


@app.command()
def status(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """How many stored values need which key, and which key can be removed. Keys are named by fingerprints."""
    config = read_config(dags)
    uses, engine = asyncio.run(_status(config))
    rows = [_row(use, engine) for use in uses]
    if output is Output.TABLE:
        # Which columns of the database need a key is for programs.
        rows = [{name: value for name, value in row.items() if name != "columns"} for row in rows]
    show_rows(rows, output, title=f"Keys come from {FernetKeys(config).where}")


@app.command()
def rotate(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Encrypt all stored values with the first key. Engines may run; an interrupted command can be given again."""
    config = read_config(dags)
    with _progress_bar() as progress:
        key, done = asyncio.run(_rotate(config, progress))
    show_record({"key": key, **done._asdict()}, output)
    if done.missing:
        say(f"{done.missing} values can't be opened: their key is missing (see `bide crypto status`)")
    if done.left:
        say(
            f"{done.left} values are still encrypted with another key, or are damaged: restart engines that do not "
            "have the first key yet, then rotate once more"
        )


@app.command("generate-key")
def generate(
    add: Annotated[
        bool, typer.Option("--add", help="Put it before the other keys in the key file, instead of printing it.")
    ] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a new key, for [core] fernet_key."""
    key = generate_key()
    if add:
        keys = FernetKeys(read_config(dags))
        keys.add(key)
        show_record({"key": fingerprint(key).hex(), "file": keys.path}, output)
    elif output is Output.JSON:
        show_record({"key": fingerprint(key).hex(), "fernet_key": key}, output)
    else:
        sys.stdout.write(key + "\n")


async def _status(config: Config) -> tuple[list[KeyUse], Sequence[str] | None]:
    async with open_store(config) as store:
        return await key_usage(store), await _keys_of_engine(config)


async def _rotate(config: Config, progress: Progress) -> tuple[str, Rotation]:
    async with open_store(config) as store:
        first = store.keys.fingerprints[0]
        theirs = await _keys_of_engine(config)
        if theirs is not None and first not in theirs[:1]:
            raise Conflict(
                f"the engine that runs encrypts with key {theirs[0] if theirs else 'unknown'}, this command with "
                f"{first}: give the engine the same keys and start it again, then rotate"
            )
        return first, await rotate_keys(store, progress)


async def _keys_of_engine(config: Config) -> Sequence[str] | None:
    """The fingerprints of the keys of the engine that runs, the one that encrypts first; None if none runs.

    Whoever is asked reads its key file anew.
    """
    clients = [one.client for one in await find_engines(config) if one.client is not None]
    if not clients:
        return None
    answers: list[Sequence[str]] = [await client.ask("keys") or () for client in clients]
    # Of several, one that encrypts with another key than the others matters most.
    first = answers[0][:1]
    return next((keys for keys in answers if keys[:1] != first), answers[0])


def _row(use: KeyUse, engine: Sequence[str] | None) -> Row:
    return {"key": use.key, "use": use.use, "values": use.rows, "note": _note(use, engine), "columns": use.columns}


def _note(use: KeyUse, engine: Sequence[str] | None) -> str:
    match use.use:
        case "encrypts":
            return "" if engine is None or use.key in engine[:1] else "the engine that runs encrypts with another"
        case "decrypts" if use.rows:
            return "needed: `bide crypto rotate`, then it can be removed"
        case "decrypts" if engine is not None and use.key in engine[:1]:
            return "the engine that runs encrypts with it: start it again"
        case "decrypts":
            return "no value needs it: it can be removed"
        case "missing":
            return "put the key back, or tasks that need these values fail"
        case "not encrypted":
            return "`bide crypto rotate` encrypts them" if use.rows else ""
        case "empty":
            return "nothing to encrypt"


@contextmanager
def _progress_bar() -> Generator[Progress]:
    """A bar on the terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("encrypting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
