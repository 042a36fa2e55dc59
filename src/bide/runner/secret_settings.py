"""Asks a backend of secrets for settings: ``python -m bide.runner.secret_settings``, a process that does just that.

On its standard input is a JSON object with ``backend`` (import path), ``kwargs`` (JSON text), ``keys`` and
``plugins`` (a folder, or nothing); on its output the answer: ``values`` by key, null for those that the backend
does not have, or ``error``. What the backend prints goes to the error output.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from bide.runner.failures import one_line
from bide.runner.secrets_runner import opened
from bide.wire.secrets_messages import OpenBackend


def main() -> int:
    """Answer what is asked on the standard input."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with answer:
        answer.write(msgspec.json.encode(_answer(msgspec.json.decode(sys.stdin.buffer.read()))))
    return 0


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    if asked["plugins"]:
        sys.path.append(asked["plugins"])
    try:
        backend = opened(OpenBackend(asked["backend"], asked["kwargs"].encode()))
        found = {key: backend.get_config(key) for key in asked["keys"]}
    except Exception as error:
        # It may say anything; whoever asked tells people of it, in one line.
        return {"error": one_line(error)}
    return {"values": {key: None if value is None else str(value) for key, value in found.items()}}


if __name__ == "__main__":
    raise SystemExit(main())
