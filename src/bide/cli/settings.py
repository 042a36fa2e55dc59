"""The settings of a command: files, environment and the flags that all commands share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bide.cli.exit_codes import BadInput
from bide.config.load import load_config
from bide.config.resolved import Config


def read_config(dags: Path | None, flags: Mapping[tuple[str, str], tuple[str, Any]] | None = None) -> Config:
    """The settings of this process; `dags` is what ``--dags`` gives. Raises ConfigError or BadInput."""
    given = dict(flags or {})
    if dags is not None:
        folder = dags.expanduser().absolute()
        if not folder.is_dir():
            raise BadInput(f"--dags {dags}: there is no such folder")
        given["core", "dags_folder"] = ("--dags", str(folder))
    return load_config(Path.cwd(), os.environ, given)
