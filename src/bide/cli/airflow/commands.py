"""The commands of Airflow 2 and 3, by their words.

``python -m bide.cli.airflow.commands > docs/reference/airflow-commands.md`` writes the page about them anew; a test
holds it.
"""

from __future__ import annotations

import sys
from typing import Final

from bide.cli.airflow.options import BUNDLE, VERBOSE, Command
from bide.cli.airflow.upkeep import UPKEEP
from bide.cli.airflow.work import WORK

COMMANDS: Final[dict[str, Command]] = {one.path: one for one in (*WORK, *UPKEEP)}

_HEAD = """\
# Airflow's commands

<!-- Written by `python -m bide.cli.airflow.commands`; change src/bide/cli/airflow/work.py, airflow_upkeep.py. -->

`bide-airflow` brings a command `airflow` that takes the command lines of Airflow 2 and 3, so that scripts,
containers and cron jobs go on. It turns each into a command line of `bide`, whose output and
[exit codes](exit-codes.md) it has: 0 for success, 1 for what failed or is not there, 2 for a line that can't be.
What scripts read is as in Airflow: commands in **bold** print its columns or its one word, with `--output` as
`table`, `plain`, `json` or `yaml` (JSON, which is YAML, too). Those of all others are [Bide's](commands.md).

* Where Airflow takes the date of a run, so does `bide`: a run is named by its id, by its logical date, or by a day
  (in UTC) of which it is the only run.
* Options in *italics* are taken and have no effect here. Those ~~struck out~~ are refused, with what to do instead.
* An unknown command ends with exit code 2 and says what to use instead.
"""


def reference_page() -> str:
    """The page about them, as Markdown."""
    rows = [f"| {_name(one)} | {_here(one)} | {_options(one)} |" for one in COMMANDS.values()]
    return "\n".join([_HEAD, "| in Airflow | here | options |\n|---|---|---|", *rows]) + "\n"


def _name(command: Command) -> str:
    name = f"`airflow {command.path}`"
    return name if command.shape is None else f"**{name}**"


def _here(command: Command) -> str:
    if command.instead:
        return f"not here; instead: {command.instead}"
    words = f"`bide {command.bide}`" if command.bide else ""
    return ": ".join(part for part in (words, command.said) if part)


def _options(command: Command) -> str:
    shown: list[str] = []
    for option in command.options:
        if option in (VERBOSE, BUNDLE):
            continue
        flag = f"`{option.flags[0]}`"
        if option.refusal is not None:
            flag = f"~~{flag}~~"
        elif option.to is None and command.build is None:
            flag = f"*{flag}*"
        shown.append(flag)
    return " ".join(shown)


if __name__ == "__main__":
    sys.stdout.write(reference_page())
