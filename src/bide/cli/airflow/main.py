"""The command ``airflow`` of the distribution bide-airflow: Airflow's command lines, carried out by ``bide``."""

from __future__ import annotations

import os
import sys

from bide.cli.airflow.translation import translate
from bide.cli.exit_codes import BadInput, ExitCode


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
    os.environ.update(found.environment)
    sys.argv = ["bide", *found.arguments]
    from bide.cli.main import main as bide

    bide()
