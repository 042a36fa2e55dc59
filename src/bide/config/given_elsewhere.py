"""Settings whose value is not written down: a command prints it, or a backend of secrets has it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from bide.config.airflow.names import ENGINE_ONLY_VARIABLES
from bide.model.errors import ConfigError
from bide.observe.masking import mask

#: Ends the name of a setting that a command prints, or that a backend of secrets has.
COMMAND: Final = "_cmd"
SECRET: Final = "_secret"
#: Of one setting given in several ways in one place, the last in this order counts.
KINDS: Final = (SECRET, COMMAND, "")
#: Seconds that a command, or the backend, has.
_PATIENCE: Final = 30
#: Settings by which the backend is known.
_ITSELF: Final = (("secrets", "backend"), ("secrets", "backend_kwargs"))


class Elsewhere(NamedTuple):
    """A value of a setting that has to be asked for."""

    #: :data:`COMMAND` or :data:`SECRET`.
    kind: str
    #: The command, or the name of the secret.
    text: str


class Backend(NamedTuple):
    """The backend of secrets that the settings name."""

    classpath: str
    kwargs: str
    #: Folder with plugins, where its class may be.
    plugins: str


def command_output(command: str, source: str) -> str:
    """What `command` prints, without the last line break. Raises :class:`ConfigError` naming `source`."""
    try:
        done = subprocess.run(shlex.split(command), check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.CalledProcessError as error:
        raise ConfigError(f"{source}: the command ended with {error.returncode}{_said(error.stderr)}") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{source}: the command did not end within {_PATIENCE} s") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source}: the command can't be run: {error}") from None
    return done.stdout.removesuffix("\n")


def _said(text: str) -> str:
    """The last line of an error output."""
    lines = text.strip().splitlines()
    return f": {mask(lines[-1])}" if lines else ""


def check_asked(section: str, key: str, source: str) -> None:
    """Raise :class:`ConfigError` for a setting that the backend can't have, since it says which backend to ask."""
    if (section, key) in _ITSELF:
        raise ConfigError(
            f"{source}: the backend of secrets can't have its own settings; write it down, or name a command"
        )


def ask_backend(backend: Backend, wanted: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that the backend has under the names in `wanted`, which is by source; the answer is, too.

    It is asked in a process of its own. Raises :class:`ConfigError` naming a source, if one is not there.
    """
    if not wanted:
        return {}
    first = next(iter(wanted))
    if not backend.classpath:
        raise ConfigError(f"{first} names a secret, but [secrets] backend says of no backend that has it")
    found = _ask(backend, sorted(set(wanted.values())), environ, first)
    for source, name in wanted.items():
        if found.get(name) is None:
            raise ConfigError(f"{source}: the backend of secrets {backend.classpath} has no setting {name!r}")
    return {source: found[name] for source, name in wanted.items()}


def _ask(backend: Backend, names: list[str], environ: Mapping[str, str], source: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "bide.runner.secret_settings"]
    question = {
        "backend": backend.classpath,
        "kwargs": backend.kwargs or "{}",
        "plugins": backend.plugins,
        "keys": names,
    }
    # It is code of others, as that of tasks is.
    kept = {
        name: value for name, value in environ.items() if not name.startswith(("BIDE__", *ENGINE_ONLY_VARIABLES))
    }
    failed = f"{source}: the backend of secrets {backend.classpath}"
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(question),
            capture_output=True,
            env=kept,
            timeout=_PATIENCE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{failed} did not answer within {_PATIENCE} s") from None
    except subprocess.CalledProcessError as error:
        said = _said(error.stderr.decode(errors="replace"))
        raise ConfigError(f"{failed} failed: its process ended with {error.returncode}{said}") from None
    answer: dict[str, Any] = msgspec.json.decode(done.stdout)
    if "error" in answer:
        raise ConfigError(f"{failed} failed: {mask(answer['error'])}")
    return answer["values"]
