"""The names of the modules that DAG files become, and what people see of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath
from typing import Final

#: What the names of all of them begin with.
PREFIX: Final = "bide_dag_"
#: Hex digits of the path's hash in a module's name.
_DIGITS: Final = 8
_NO_IDENTIFIER: Final = re.compile(r"[^0-9A-Za-z_]")
_GENERATED: Final = re.compile(rf"\b{PREFIX}[0-9a-f]{{{_DIGITS}}}_(?=\w)")


def module_name(path: str) -> str:
    """The name under which the DAG file `path` (absolute) is imported; no two files share one."""
    digest = hashlib.sha1(path.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()[:_DIGITS]
    return f"{PREFIX}{digest}_{_NO_IDENTIFIER.sub('_', PurePath(path).stem)}"


def shown(text: str) -> str:
    """`text` with the names of DAG files in place of those of their modules: ``etl.Look`` for their ``Look``."""
    return _GENERATED.sub("", text) if PREFIX in text else text
