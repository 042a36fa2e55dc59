"""Finds and ends the job service of a folder."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from job_service import ADDRESS_FILE


def running(folder: Path) -> str | None:
    """The address of the service of `folder`, or None if none is running there."""
    try:
        url = json.loads((folder / ADDRESS_FILE).read_text())["url"]
        with _direct(f"{url}/health") as response:
            # Another program may have got the port since.
            return url if json.load(response)["folder"] == str(folder.resolve()) else None
    except (OSError, ValueError, KeyError):
        return None


def shut_down(folder: Path) -> None:
    """Ask the service of `folder` to end, if there is one."""
    url = running(folder)
    if url is not None:
        _direct(urllib.request.Request(f"{url}/shutdown", method="POST")).close()


def _direct(request: str | urllib.request.Request) -> Any:
    """Ask a service of this machine, past any proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
