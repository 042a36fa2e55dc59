"""The command ``airflow`` of the distribution bide-airflow: Airflow's command lines, carried out by ``bide``."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from bide.cli.airflow.shapes import NotAlive
from bide.cli.airflow.translation import translate
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.version import installed_version


def main() -> None:
    """Run the command of ``sys.argv``, which has Airflow's words."""
    try:
        found = translate(sys.argv[1:])
    except BadInput as error:
        sys.stderr.write(f"airflow: {error}\n")
        sys.exit(ExitCode.USAGE)
    for note in found.notes:
        sys.stderr.write(f"{note}\n")
    for line in found.shown:
        sys.stdout.write(f"{line}\n")
    if found.arguments is None:
        return
    if found.arguments == ["version"]:
        # Scripts compare it with releases of Airflow.
        sys.stderr.write(f"Bide {installed_version()}, with the names of Airflow\n")
        try:
            names = import_module("airflow")
        except ImportError as error:  # which refuses to be beside Airflow itself
            sys.stderr.write(f"airflow: {error}\n")
            sys.exit(ExitCode.FAILED)
        sys.stdout.write(f"{names.__version__}\n")
        return
    os.environ.update(found.environment)
    sys.argv = ["bide", *found.arguments]
    from bide.cli.main import main as bide

    if found.render is None:
        bide()
    else:
        sys.exit(_rendered(bide, found.render))


def _rendered(bide: Callable[[], None], render: Callable[[Any], str]) -> ExitCode | int | str | None:
    """Run the command and print what it says in Airflow's form; the answer is how it ends."""
    printed, code = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            bide()
        except SystemExit as end:
            code = end.code
    try:
        found = json.loads(printed.getvalue())
    except ValueError:
        # It has failed, and said why.
        sys.stdout.write(printed.getvalue())
        return code
    try:
        sys.stdout.write(render(found))
    except BadInput as error:
        sys.stderr.write(f"airflow: {error}\n")
        return ExitCode.USAGE
    except NotAlive as error:
        sys.stdout.write(f"{error}\n")
        return ExitCode.FAILED
    return code
