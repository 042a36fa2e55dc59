"""Installing provider packages without Airflow itself, whose names Bide has: by uv if it is there, else by pip."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from bide.cli.exit_codes import BadInput
from bide.model.errors import BideError

PREFIX: Final = "apache-airflow-providers-"
#: What is never installed: Bide has these names.
LEFT_OUT: Final = (
    "apache-airflow",
    "apache-airflow-core",
    "apache-airflow-task-sdk",
    f"{PREFIX}standard",
)
#: Packages that come with Airflow, so that providers use them without saying so.
COME_WITH_AIRFLOW: Final = (
    "attrs",
    "deprecated",
    "lazy-object-proxy",
    "methodtools",
    "packaging",
    "python-slugify",
    "pyyaml",
    "requests",
    "setproctitle",
    "tabulate",
    "tenacity",
)

_NAME: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<rest>(\[[^\]]*\])?\s*([=<>!~].*)?)")


class InstallFailed(BideError):
    """The installer ended with an error; it has said which."""


def requirement(given: str) -> str:
    """``amazon``, ``amazon[s3fs]>=9`` or the whole name of a package, as the requirement of a provider package."""
    found = _NAME.fullmatch(given.strip())
    if found is None:
        raise BadInput(f"{given!r} is no name of a provider: write amazon, apache-spark or amazon==9.1")
    name = re.sub(r"[._-]+", "-", found["name"]).lower()
    if name.startswith("airflow-provider"):  # of somebody else, who has named it like this
        return f"{name}{found['rest']}"
    name = name.removeprefix(PREFIX)
    if PREFIX + name in LEFT_OUT:
        raise BadInput(f"{PREFIX}{name} is not to be installed: Bide has its operators, under the same names")
    return f"{PREFIX}{name}{found['rest']}"


def package_name(text: str) -> str:
    """The name in a requirement, as package indexes write it."""
    found = re.match(r"[A-Za-z0-9._-]+", text)
    return re.sub(r"[._-]+", "-", found[0] if found else text).lower()


def check_aliases() -> None:
    """Raise unless the names that provider packages import are installed."""
    try:
        version("bide-airflow")
    except PackageNotFoundError:
        raise BadInput(
            "provider packages need the names of bide-airflow, which is not installed: pip install bide-airflow"
        ) from None


def install(requirements: Sequence[str]) -> None:
    """Install provider packages and what they need, without Airflow. Raises :class:`InstallFailed`."""
    uv = shutil.which("uv")
    if uv is None:
        _install_by_pip(requirements)
    else:
        _install_by_uv(uv, requirements)
    invalidate_caches()


def uninstall(packages: Sequence[str]) -> None:
    """Remove packages; what they needed stays."""
    uv = shutil.which("uv")
    if uv is None:
        _run([*_pip(), "uninstall", "--yes", *packages])
    else:
        _run([uv, "pip", "uninstall", "--python", sys.executable, *packages])
    invalidate_caches()


def _install_by_uv(uv: str, requirements: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="bide-provider-") as folder:
        overrides = Path(folder) / "overrides.txt"
        # A marker that no Python meets: whoever asks for one of these gets nothing.
        overrides.write_text("".join(f'{name} ; python_version < "3"\n' for name in LEFT_OUT))
        command = [uv, "pip", "install", "--python", sys.executable, "--override", str(overrides)]
        _run([*command, *requirements, *COME_WITH_AIRFLOW])


def _install_by_pip(requirements: Sequence[str]) -> None:
    """pip can't leave out a requirement, so providers come without any, and then theirs by name."""
    _run([*_pip(), "install", *COME_WITH_AIRFLOW])  # packaging is among them, which reads requirements
    seen: set[str] = set()
    others: list[str] = []
    todo = list(requirements)
    while todo:
        _run([*_pip(), "install", "--no-deps", *todo])
        invalidate_caches()
        seen.update(package_name(one) for one in todo)
        needed = [one for text in todo for one in needed_by(text)]
        others += [one for one in needed if not package_name(one).startswith("apache-airflow")]
        todo = [one for one in needed if package_name(one).startswith(PREFIX) and package_name(one) not in seen]
        todo = list({package_name(one): one for one in todo if package_name(one) not in LEFT_OUT}.values())
    if others:
        _run([*_pip(), "install", *others])


def needed_by(text: str) -> Iterable[str]:
    """Requirements of an installed package, with those of the extras that `text` names, for this Python."""
    from packaging.requirements import Requirement  # not there before pip has installed it

    extras = Requirement(text).extras
    for line in requires(package_name(text)) or ():
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            one.marker = None
            yield str(one)


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip"]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(list(command), check=False, stdout=sys.stderr)
    if done.returncode:
        raise InstallFailed(f"{' '.join(command[:4])} ... ended with exit code {done.returncode}")
