"""The API of a `bide standalone` that runs beside a test."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any, Final, Self

import httpx

from bide.engine.lock import find_holder
from tests.support.commands import PATIENCE, Command, Folder

#: Seconds after which a test asks again although the engine has told of no change.
_LOOK_AGAIN: Final = 0.5


class Api:
    """Requests under ``/api/v2``, logged in as the server says."""

    def __init__(self, folder: Folder, server: Command) -> None:
        """`server` has said where it listens."""
        found = re.search(r"Bide listens at (\S+):", server.text)
        assert found is not None, server.text
        self._folder = folder
        self.password = (folder.home / "password").read_text().strip()
        self.client = httpx.Client(base_url=f"{found[1]}/api/v2", auth=("admin", self.password), timeout=PATIENCE)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer that is no error."""
        return self._json(self.client.get(path, params=parameters))

    def post(self, path: str, **body: Any) -> Any:
        """As :meth:`get`, for what is to be made."""
        return self._json(self.client.post(path, json=body))

    def patch(self, path: str, **body: Any) -> Any:
        """As :meth:`get`, for what is to be changed."""
        return self._json(self.client.patch(path, json=body))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Ask whenever something has changed in the engine, until the answer is yes."""
        end = time.monotonic() + PATIENCE
        if self._folder.is_on_postgresql:
            while not is_so():
                assert time.monotonic() < end, "it has not come to that"
                # Its engines have no socket that one could listen at.
                time.sleep(_LOOK_AGAIN / 5)
            return
        holder = find_holder(self._folder.store)
        assert holder is not None, "no engine runs"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bell:
            bell.connect(holder.socket)
            bell.sendall(json.dumps({"listen": ["history", "dags", "runs", "waits"]}).encode() + b"\n")
            bell.settimeout(_LOOK_AGAIN)
            while not is_so():
                assert time.monotonic() < end, "it has not come to that"
                try:
                    assert bell.recv(65536), "the engine has stopped"
                except TimeoutError:
                    continue

    def run_to_end(self, dag_id: str, **body: Any) -> dict[str, Any]:
        """Ask for a run and wait for its end; the run."""
        path = f"/dags/{dag_id}/dagRuns/{self.post(f'/dags/{dag_id}/dagRuns', **body)['dag_run_id']}"
        self.until(lambda: self.get(path)["state"] in ("success", "failed"))
        return self.get(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        assert answer.is_success, (
            f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        )
        return answer.json()
