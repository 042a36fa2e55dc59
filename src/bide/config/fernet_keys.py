"""The keys that stored values are encrypted with: from the setting, else from a file that is made at first use."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bide.config.resolved import Config
from bide.model.errors import ConfigError
from bide.observe.masking import add_secret

_KEY_BYTES: Final = 32
#: Rights that others than the owner may not have.
_OTHERS: Final = 0o077


def generate_key() -> str:
    """A new key."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def is_key(text: str) -> bool:
    """Whether `text` is a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


class FernetKeys:
    """Where the keys of a project come from: ``[core] fernet_key``, else the key file."""

    def __init__(self, config: Config) -> None:
        self._given: Sequence[str] = config.settings.core.fernet_key
        self._source = config.source("core", "fernet_key")
        self._path = config.key_path

    @property
    def where(self) -> str:
        """The source of the keys, for people."""
        return f"[core] fernet_key ({self._source})" if self._given else str(self._path)

    @property
    def path(self) -> Path | None:
        """The key file, if the keys come from one."""
        return None if self._given else self._path

    def load(self) -> Sequence[str]:
        """The keys, of which the first seals. Makes the key file if there is none.

        Raises :class:`ConfigError` if the file can't be made or read, holds no keys, or may be read by others.
        """
        keys = self._given or _read(self._path) or _make(self._path)
        add_secret(list(keys))
        return keys

    def reload(self) -> Sequence[str]:
        """The keys as they are by now; none if they can't be read."""
        try:
            keys = self._given or _read(self._path) or ()
        except ConfigError:
            return ()
        add_secret(list(keys))
        return keys

    def add(self, key: str) -> None:
        """Put `key` before all others in the key file, in one step. Raises :class:`ConfigError`."""
        if self._given:
            raise ConfigError(f"the keys come from {self.where}: put the new key before the others there")
        keys = [key, *self.load()]
        try:
            _write_beside(self._path, keys).replace(self._path)
        except OSError as error:
            raise _unusable(self._path, error) from error


def _read(path: Path) -> list[str] | None:
    """The keys of the file at `path`, None if there is no file."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            text = file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from error
    if mode & _OTHERS:
        raise ConfigError(
            f"the key file {path} is open to others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and "
            "take a new key if somebody may have read it (`bide crypto generate-key --add`, `bide crypto rotate`)"
        )
    keys = [line.strip() for line in text.splitlines() if line.strip()]
    for number, key in enumerate(keys, 1):
        if not is_key(key):
            raise ConfigError(
                f"the key file {path}: key {number} of {len(keys)} is no Fernet key (32 bytes in URL-safe base64)"
            )
    if not keys:
        raise ConfigError(f"the key file {path} is empty: put the keys back (one a line), or remove the file")
    return keys


def _make(path: Path) -> list[str]:
    """Make the key file with a new key, unless another process does so first; then its keys."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = _write_beside(path, [generate_key()])
        try:
            # A link fails if the file is there by now, and the file is whole from its first moment on.
            os.link(written, path)
        except FileExistsError:
            pass  # the other one's keys are read below
        finally:
            written.unlink()
    except OSError as error:
        raise _unusable(path, error) from error
    return _read(path) or []


def _write_beside(path: Path, keys: Sequence[str]) -> Path:
    """A new file in the folder of `path`, that its owner alone may read, with `keys` on the disk."""
    # mkstemp opens with mode 0600, whatever the umask is.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{key}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _unusable(path: Path, error: Exception) -> ConfigError:
    return ConfigError(f"the key file {path} can't be used: {error}")
