"""Connections that name a folder of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bide.authoring.hook import BaseHook


class FSHook(BaseHook):
    """A folder: what the extra of a connection of type ``fs`` has as ``path``."""

    conn_name_attr = "fs_conn_id"
    default_conn_name = "fs_default"
    conn_type = "fs"
    hook_name = "File (path)"

    def __init__(self, fs_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fs_conn_id = fs_conn_id
        self.conn = self.get_connection(fs_conn_id)
        self.basepath = str(self.conn.extra_dejson.get("path", ""))

    def get_conn(self) -> None:
        """Nothing to connect to."""

    def get_path(self) -> str:
        """The folder; empty if the connection names none, which is the working directory."""
        return self.basepath

    def test_connection(self) -> tuple[bool, str]:
        """Whether the folder is there."""
        path = self.get_path()
        if not path:
            return False, f"the extra of the connection {self.fs_conn_id!r} has no 'path'"
        if not Path(path).exists():
            return False, f"there is no {path}"
        return True, f"{path} is there"
