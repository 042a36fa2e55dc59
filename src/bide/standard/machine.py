"""The machine and the process that code runs in: its name, its user, its environment."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from bide.authoring.dotted_names import import_string
from bide.authoring.settings import find_setting
from bide.model.errors import ConfigError


def get_hostname() -> str:
    """The machine's name: what ``[core] hostname_callable`` (``module.function``) returns, else its full name."""
    path = find_setting("core", "hostname_callable")
    if not path:
        return socket.getfqdn()
    found = import_string(path.replace(":", "."))
    if not callable(found):
        raise ConfigError(f"[core] hostname_callable: {path} is no function")
    return cast("Callable[[], str]", found)()


def get_host_ip_address() -> str:
    """An address of the machine."""
    return socket.gethostbyname(socket.getfqdn())


def getuser() -> str:
    """Name of the user that the process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigError(f"the user with id {os.getuid()} has no name: set the variable USER") from None


@contextmanager
def patch_environ(new_env_variables: Mapping[str, str]) -> Generator[None]:
    """Inside, the environment has these variables, too; afterwards it is as before."""
    before = {name: os.environ.get(name) for name in new_env_variables}
    os.environ.update(new_env_variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def execute_in_subprocess(cmd: Sequence[str], cwd: str | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end. Raises :class:`subprocess.CalledProcessError` unless it ends with 0."""
    subprocess.run(list(cmd), cwd=cwd, env=None if env is None else dict(env), check=True)


def md5(data: Any = b"", /) -> Any:
    """``hashlib.md5``, for what is no secret: it is there also where MD5 is forbidden for secrets."""
    return hashlib.md5(data, usedforsecurity=False)
