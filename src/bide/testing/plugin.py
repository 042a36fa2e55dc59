"""The pytest plugin: fixtures for tests of DAGs, and a check of DAG files by ``pytest --bide-dags FOLDER``.

pytest loads it in every project that has Bide installed, so it imports nothing else of Bide until it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from bide.testing.clock import SkippingClock
    from bide.testing.results import RunResult


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("bide", "Bide")
    group.addoption(
        "--bide-dags",
        action="append",
        default=[],
        metavar="PATH",
        help="import and validate this DAG file, or all below this folder, as one test per file (repeatable)",
    )
    parser.addini(
        "bide_home", "keep: leave $BIDE_HOME as it is; by default tests get one of their own", default="isolated"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have the DAG files of ``--bide-dags`` collected."""
    chosen = _chosen(config)
    for path in chosen:
        if not path.exists():
            raise pytest.UsageError(f"--bide-dags: there is no {path}")
    if chosen and config.args_source is not pytest.Config.ArgsSource.ARGS:
        # Nothing else was asked for.
        config.args = []
    config.args.extend(str(path) for path in chosen)


def _chosen(config: pytest.Config) -> list[Path]:
    texts = cast("list[str]", config.getoption("bide_dags"))
    return [(config.invocation_params.dir / text).absolute() for text in texts]


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A DAG file below one of the chosen paths."""
    for path in _chosen(parent.config):
        if file_path == path or (file_path.is_relative_to(path) and str(file_path) in _dag_files(str(path))):
            folder = path if path.is_dir() else path.parent
            return _made(DagFile, parent, path=file_path, folder=folder)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> pytest.Collector | None:
    """Not as a module of tests, too."""
    chosen = _chosen(parent.config)
    return _made(Nothing, parent, path=module_path) if module_path in chosen else None


@lru_cache
def _dag_files(folder: str) -> set[str]:
    from bide.engine.parsing.listing import Lister, Source

    return {path for path, one in Lister().list([Source(Path(folder))]).items() if one.is_dag_file}


def _made(kind: Any, parent: Any, **options: Any) -> Any:
    """A node as pytest wants it made; its own types are loose."""
    return kind.from_parent(parent, **options)


class Nothing(pytest.File):
    """A file without tests."""

    def collect(self) -> Iterable[pytest.Item]:
        """Nothing."""
        return []


class DagFile(pytest.File):
    """A DAG file that is to be checked."""

    def __init__(self, *, folder: Path, **options: Any) -> None:
        super().__init__(**options)
        self.folder = folder

    def collect(self) -> Iterable[pytest.Item]:
        """One item."""
        yield _made(DagFileCheck, self, name="dags")


class DagFileCheck(pytest.Item):
    """The file can be imported, and what it makes can be stored."""

    parent: DagFile

    def runtest(self) -> None:
        """Raise AssertionError with all that is wrong."""
        from bide.testing.dag_files import parse_file

        parse_file(self.path, self.parent.folder).raise_for_errors()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The errors, without a traceback through pytest."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What the report calls it."""
        return self.path, None, f"DAG file {self.path.name}"


@pytest.fixture(scope="session", autouse=True)
def bide_home(request: pytest.FixtureRequest) -> Generator[Path | None]:
    """A folder of its own for all that Bide keeps (``$BIDE_HOME``), so that no test touches the real store.

    None where the setting ``bide_home = keep`` turns this off.
    """
    if request.config.getini("bide_home") == "keep":
        yield None
        return
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    before = os.environ.get("BIDE_HOME")
    home = factory.mktemp("bide-home")
    os.environ["BIDE_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["BIDE_HOME"]
    else:
        os.environ["BIDE_HOME"] = before


@pytest.fixture
def skipping_clock() -> SkippingClock:
    """A clock for ``run_dag(clock=...)``, which tells how much time was skipped."""
    from bide.testing.clock import SkippingClock

    return SkippingClock()


@pytest.fixture
def run_dag(skipping_clock: SkippingClock) -> Callable[..., RunResult]:
    """:func:`bide.testing.run_dag`, by the clock of :func:`skipping_clock`."""
    from bide.testing.run import run_dag

    def run(dag: Any, **options: Any) -> RunResult:
        __tracebackhide__ = True
        options.setdefault("clock", skipping_clock)
        return run_dag(dag, **options)

    return run
