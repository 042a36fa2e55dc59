"""Running a Python function in a virtual environment made for it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bide.authoring.connection import Connection
from bide.authoring.python import PythonOperator
from bide.authoring.skipping import BranchMixin
from bide.model.errors import TaskError
from bide.observe.masking import mask_secret
from bide.standard.operators.external_python import OtherInterpreterOperator

if TYPE_CHECKING:
    from bide.authoring.context import Context


def is_venv_installed() -> bool:
    """Whether environments can be made: always, since no further package is needed."""
    return True


class PythonVirtualenvOperator(OtherInterpreterOperator):
    """Runs `python_callable` in a new virtual environment with `requirements`, which is removed afterwards.

    `requirements` are a list, the text of a requirements file, or the name of a template file ``.txt``. They are
    installed from `index_urls`, and from those of the connections `index_urls_from_connection_ids` (of type
    ``package_index``: the URL in `host`, with login and password), by default from what pip is configured with, and
    with `pip_install_options`.
    `python_version`, such as ``"3.12"``, is that of another interpreter on the machine. `system_site_packages`
    lets it see what is installed beside the interpreter. With `venv_cache_path` environments are kept in that
    folder, one for each combination of these arguments, and used again.
    """

    template_fields = (
        "requirements",
        "index_urls",
        "index_urls_from_connection_ids",
        "venv_cache_path",
        *PythonOperator.template_fields,
    )
    template_ext = (".txt",)

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        requirements: str | Iterable[str] | None = None,
        python_version: str | float | None = None,
        system_site_packages: bool = True,
        pip_install_options: Sequence[str] | None = None,
        index_urls: str | Collection[str] | None = None,
        index_urls_from_connection_ids: str | Collection[str] | None = None,
        venv_cache_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        self.requirements: Any = requirements
        if requirements is not None and not isinstance(requirements, str):
            self.requirements = list(requirements)
        self.python_version = None if python_version is None else str(python_version)
        self.system_site_packages = system_site_packages
        self.pip_install_options = list(pip_install_options or ())
        self.index_urls: Any = _listed(index_urls)
        self.index_urls_from_connection_ids: Any = _listed(index_urls_from_connection_ids)
        self.venv_cache_path = None if venv_cache_path is None else os.fspath(venv_cache_path)

    def interpreter(self) -> AbstractContextManager[str]:
        return self._cached() if self.venv_cache_path else self._fresh()

    @contextmanager
    def _fresh(self) -> Generator[str]:
        with tempfile.TemporaryDirectory(prefix="bide-venv-") as folder:
            yield self._make(Path(folder) / "venv")

    @contextmanager
    def _cached(self) -> Generator[str]:
        folder = Path(self.venv_cache_path or "")
        folder.mkdir(parents=True, exist_ok=True)
        made_of = [
            self._wanted(),
            self.python_version or sys.version,
            self.system_site_packages,
            self.pip_install_options,
            list(self.index_urls or ()),
            list(self.index_urls_from_connection_ids or ()),
        ]
        name = "venv-" + hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
        with (folder / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = folder / name / "complete"
            if not done.exists():
                shutil.rmtree(folder / name, ignore_errors=True)
                self._make(folder / name)
                done.touch()
            fcntl.flock(lock, fcntl.LOCK_UN)
        self.log.info("using the environment %s", folder / name)
        yield str(_python_of(folder / name))

    def _wanted(self) -> list[str]:
        given: Any = self.requirements or []
        lines: list[str] = given.splitlines() if isinstance(given, str) else [str(one) for one in given]
        wanted = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        # What packs the arguments has to unpack them there; without the packages of here it is not there by itself.
        named = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in wanted}
        if not self.system_site_packages and self.serializer != "pickle" and self.serializer not in named:
            wanted.append(self.serializer)
        return wanted

    def _make(self, folder: Path) -> str:
        """Make the environment; the path of its interpreter."""
        wanted = self._wanted()
        uv = shutil.which("uv")
        self.log.info("making an environment with %s", ", ".join(wanted) or "nothing installed")
        site = ["--system-site-packages"] if self.system_site_packages else []
        if uv is not None:
            base = self.python_version or sys.executable
            self._run([uv, "venv", "--quiet", "--no-project", "--python", base, *site, str(folder)])
        else:
            # pip takes a while to be put there, and is only needed to install something.
            pip = [] if wanted else ["--without-pip"]
            self._run([self._base_python(), "-m", "venv", *site, *pip, str(folder)])
        python = str(_python_of(folder))
        if wanted:
            listed = folder / "requirements.txt"
            listed.write_text("\n".join(wanted) + "\n", encoding="utf-8")
            install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
            self._run([*install, *self.pip_install_options, "-r", str(listed)], **self._indexes(uv=uv is not None))
        return python

    def _indexes(self, *, uv: bool) -> dict[str, str]:
        """Environment variables that name the indexes: a command line with passwords could be read by others."""
        urls = [*(self.index_urls or ())]
        urls += [_index_of(Connection.get(conn_id)) for conn_id in self.index_urls_from_connection_ids or ()]
        if not urls:
            return {}
        first, others = ("UV_DEFAULT_INDEX", "UV_INDEX") if uv else ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
        return {first: urls[0]} | ({others: " ".join(urls[1:])} if urls[1:] else {})

    def _base_python(self) -> str:
        if self.python_version is None:
            return sys.executable
        found = shutil.which(f"python{self.python_version}")
        if found is None:
            raise TaskError(f"task {self.task_id!r}: there is no python{self.python_version} on this machine")
        return found

    def _run(self, command: Sequence[str], **env: str) -> None:
        last, status = self._child.run(command, cwd=None, env={**os.environ, **env}, log=self.log)
        if status != 0:
            raise TaskError(f"{' '.join(command[:3])} ended with exit code {status}: {last}")


def _listed(given: str | Collection[str] | None) -> Collection[str] | None:
    return [given] if isinstance(given, str) else given


def _index_of(connection: Connection) -> str:
    """The URL of a package index, with user and password."""
    url = urlsplit(connection.host or "")
    if not url.scheme or not url.netloc:
        raise TaskError(
            f"connection {connection.conn_id!r}: its host must be the URL of a package index, such as "
            f"https://pypi.example.com/simple, not {connection.host!r}"
        )
    if connection.login is None:
        return url.geturl()
    user = ":".join(quote(one, safe="") for one in (connection.login, connection.password) if one is not None)
    found = url._replace(netloc=f"{user}@{url.netloc.rpartition('@')[2]}").geturl()
    mask_secret(found)
    return found


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


class BranchPythonVirtualenvOperator(PythonVirtualenvOperator, BranchMixin):
    """A :class:`PythonVirtualenvOperator` whose function chooses the branch to follow."""

    def execute(self, context: Context) -> Any:
        return self.do_branch(context, super().execute(context))
