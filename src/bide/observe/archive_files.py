"""Archives: files of gzipped JSON lines to which portions are appended.

Each portion is a member of its own, as gzip allows: a file is whole after each of them, whatever happens then.
"""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from bide.model.errors import ArchiveError


def archive_file(folder: Path, now: datetime) -> Path:
    """The file in an archive to which this process appends today; no other process does."""
    return folder / f"history-{now:%Y-%m-%d}-{socket.gethostname()}-{os.getpid()}.jsonl.gz"


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Append `lines`; they are on the disk on return. Raises :class:`ArchiveError`."""
    data = gzip.compress(b"".join(line + b"\n" for line in lines))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ArchiveError(f"the archive {path} can't be written: {error.strerror}") from error
