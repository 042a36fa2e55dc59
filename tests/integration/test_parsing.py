"""Parsing DAG files with real processes and real changes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bide.engine.parsing import ParsingService
from bide.engine.template import Template
from bide.model.errors import StoreUnavailable
from bide.observe.clock import SystemClock
from bide.wire.messages import FileParsed
from tests.support.executors import running_template
from tests.support.processes import alive, until_gone

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("no_blocking")]

DAG = """
from bide import DAG
from bide.standard.operators.empty import EmptyOperator

with DAG("{dag_id}", schedule=None):
    EmptyOperator(task_id="only")
"""


class Register:
    """What the store would know of the files."""

    def __init__(self) -> None:
        self.files: dict[str, FileParsed] = {}
        self.parses: list[str] = []
        self.forgotten: list[str] = []
        self.failures: list[Exception] = []
        self._changed = asyncio.Event()

    async def register(self, parsed: FileParsed, folder: str) -> None:
        if self.failures:
            raise self.failures.pop()
        self.files[parsed.path] = parsed
        self.parses.append(Path(parsed.path).name)
        self._tell()

    async def forget(self, path: str) -> None:
        self.files.pop(path, None)
        self.forgotten.append(path)
        self._tell()

    def dags(self) -> set[str]:
        return {spec.dag_id for parsed in self.files.values() for spec in parsed.dags}

    def error_of(self, path: Path) -> str:
        return "\n".join(error.message for error in self.files[str(path)].errors)

    async def until(self, check: Callable[[], bool], timeout: float = 20.0) -> None:
        async with asyncio.timeout(timeout):
            while not check():
                await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Template]:
    async with running_template(tmp_path_factory.mktemp("template")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    folder.mkdir()
    return folder


@pytest.fixture
def register() -> Register:
    return Register()


def service(template: Template, register: Register, *paths: Path, **options: Any) -> ParsingService:
    return ParsingService(
        template, paths, register=register.register, forget=register.forget, clock=SystemClock(), **options
    )


@asynccontextmanager
async def following(
    template: Template, register: Register, *paths: Path, **options: Any
) -> AsyncIterator[ParsingService]:
    """A service that has parsed what is there and keeps up."""
    parsing = service(template, register, *paths, **options)
    await parsing.start()
    try:
        async with asyncio.timeout(30):
            await parsing.first_pass.wait()
        yield parsing
    finally:
        await parsing.stop()


def write(folder: Path, name: str, dag_id: str | None = None) -> Path:
    path = folder / name
    path.write_text(DAG.format(dag_id=dag_id or path.stem))
    return path


async def test_a_folder_is_parsed_once(template: Template, folder: Path, register: Register):
    (folder / "sub").mkdir()
    for name in ("a.py", "b.py", "sub/c.py"):
        write(folder, name)
    (folder / "helper.py").write_text("x = 1\n")
    parsing = service(template, register, folder)
    await parsing.parse_all()
    assert register.dags() == {"a", "b", "c"}
    assert sorted(register.parses) == ["a.py", "b.py", "c.py"]
    await parsing.parse_all()
    assert len(register.parses) == 3


async def test_an_empty_or_missing_folder_is_done_at_once(template: Template, folder: Path, register: Register):
    async with following(template, register, folder):
        assert register.parses == []
    async with following(template, register, folder / "none"):
        assert register.parses == []


async def test_new_changed_and_removed_files_are_seen(template: Template, folder: Path, register: Register):
    stays = write(folder, "stays.py")
    async with following(template, register, folder):
        new = write(folder, "new.py")
        await register.until(lambda: register.dags() == {"stays", "new"})
        write(folder, "new.py", "renamed")
        await register.until(lambda: register.dags() == {"stays", "renamed"})
        new.unlink()
        await register.until(lambda: register.dags() == {"stays"})
        assert register.forgotten == [str(new)]
        assert register.parses.count("stays.py") == 1
        assert str(stays) in register.files


async def test_without_watching_changes_are_seen_too(template: Template, folder: Path, register: Register):
    write(folder, "a.py")
    async with following(template, register, folder, force_polling=True):
        write(folder, "b.py")
        await register.until(lambda: register.dags() == {"a", "b"})
        assert register.parses == ["a.py", "b.py"]


async def test_a_folder_that_comes_later_is_found(template: Template, folder: Path, register: Register):
    late = folder / "late"
    async with following(template, register, late):
        late.mkdir()
        write(late, "a.py")
        await register.until(lambda: register.dags() == {"a"})


async def test_a_changed_module_parses_the_files_that_import_it(
    template: Template, folder: Path, register: Register
):
    (folder / "names.py").write_text('NAME = "first"\n')
    write(folder, "other.py")
    user = write(folder, "user.py")
    user.write_text(
        user.read_text().replace('"user"', "names.NAME").replace("from bide", "import names\nfrom bide", 1)
    )
    async with following(template, register, folder):
        assert register.dags() == {"first", "other"}
        (folder / "names.py").write_text('NAME = "second"\n')
        await register.until(lambda: register.dags() == {"second", "other"})
        assert register.parses.count("other.py") == 1


async def test_broken_files_do_not_hide_the_others(template: Template, folder: Path, register: Register):
    write(folder, "good.py")
    bad = {
        "syntax.py": "from bide import DAG\nwith DAG(:\n",
        "raises.py": "from bide import DAG\n1 / 0\n",
        "exits.py": "import os\nfrom bide import DAG\nos._exit(3)\n",
        "crashes.py": "import os, signal\nfrom bide import DAG\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    }
    for name, text in bad.items():
        (folder / name).write_text(text)
    await service(template, register, folder).parse_all()
    assert register.dags() == {"good"}
    assert "ZeroDivisionError" in register.error_of(folder / "raises.py")
    assert "syntax" in register.error_of(folder / "syntax.py").lower()
    assert "exits.py: the process that imports it exited with code 3" in register.error_of(folder / "exits.py")
    assert "died with signal 11 (SIGSEGV)" in register.error_of(folder / "crashes.py")


async def test_a_file_that_hangs_is_stopped(template: Template, folder: Path, register: Register):
    hangs = folder / "hangs.py"
    hangs.write_text(
        "import os, subprocess, time\nfrom bide import DAG\n"
        "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        f"open({str(folder / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(1000)\n"
    )
    write(folder, "good.py")
    await service(template, register, folder, timeout=1.0).parse_all()
    assert register.dags() == {"good"}
    assert "hangs.py: took longer than 1 s to import" in register.error_of(hangs)
    assert not any(alive(int(pid)) for pid in (folder / "pids").read_text().split())


async def test_a_file_that_hangs_holds_up_no_change(template: Template, folder: Path, register: Register):
    (folder / "hangs.py").write_text("from bide import DAG\nimport signal\nsignal.pause()\n")
    write(folder, "a.py")
    parsing = service(template, register, folder, timeout=60.0)
    await parsing.start()
    try:
        await register.until(lambda: register.dags() == {"a"})
        write(folder, "b.py")
        await register.until(lambda: register.dags() == {"a", "b"})
        assert not parsing.first_pass.is_set()
    finally:
        async with asyncio.timeout(10):
            await parsing.stop()


async def test_a_file_that_missed_a_module_gets_it(template: Template, folder: Path, register: Register):
    user = write(folder, "user.py")
    user.write_text("import later\n" + user.read_text())
    async with following(template, register, folder):
        assert "later" in register.error_of(user)
        (folder / "later.py").write_text("x = 1\n")
        await register.until(lambda: register.dags() == {"user"})
        assert register.error_of(user) == ""


async def test_a_repaired_file_is_seen(template: Template, folder: Path, register: Register):
    path = folder / "a.py"
    path.write_text("from bide import DAG\n1 / 0\n")
    async with following(template, register, folder):
        assert register.dags() == set()
        write(folder, "a.py")
        await register.until(lambda: register.dags() == {"a"})


async def test_single_files_are_followed_too(template: Template, folder: Path, register: Register):
    path = write(folder, "a.py")
    write(folder, "b.py")
    async with following(template, register, path):
        assert register.dags() == {"a"}
        write(folder, "a.py", "renamed")
        await register.until(lambda: register.dags() == {"renamed"})


async def test_parse_once_registers_nothing(template: Template, folder: Path, register: Register):
    path = write(folder, "a.py")
    parsed = await service(template, register).parse_once(path)
    assert [spec.dag_id for spec in parsed.dags] == ["a"]
    assert parsed.dags[0].folder == str(folder)
    assert register.files == {}
    missing = await service(template, register).parse_once(folder / "none.py")
    assert missing.dags == ()
    assert "none.py" in missing.errors[0].message


async def test_files_of_earlier_engines_that_are_gone_are_forgotten(
    template: Template, folder: Path, register: Register, tmp_path: Path
):
    kept = write(folder, "a.py")
    elsewhere = write(tmp_path, "elsewhere.py")
    (folder / "no_dag_any_more.py").write_text("x = 1\n")
    stored = [str(kept), str(elsewhere), str(folder / "gone.py"), str(folder / "no_dag_any_more.py")]
    await service(template, register, folder, stored=stored).parse_all()
    assert sorted(register.forgotten) == sorted(stored[2:])


async def test_a_store_that_is_locked_gets_the_parse_later(template: Template, folder: Path, register: Register):
    write(folder, "a.py")
    register.failures = [StoreUnavailable("locked")]
    async with following(template, register, folder):
        assert register.dags() == {"a"}


async def test_a_parse_that_can_not_be_registered_stops_no_other(
    template: Template, folder: Path, register: Register
):
    write(folder, "a.py")
    register.failures = [ValueError("a bug")]
    async with following(template, register, folder):
        assert register.dags() == set()
        write(folder, "b.py")
        await register.until(lambda: register.dags() == {"b"})


async def test_a_template_that_dies_is_not_the_files_fault(template: Template, folder: Path, register: Register):
    fifo, gate = folder / "fifo", folder / "gate"
    os.mkfifo(fifo)
    path = write(folder, "a.py")
    path.write_text(
        f"import fcntl, os\nopen({str(fifo)!r}, 'w').write(str(os.getpid()))\n"
        f"fcntl.flock(open({str(gate)!r}), fcntl.LOCK_SH)\n{path.read_text()}"
    )
    parsing = service(template, register, folder)
    with gate.open("w") as shut:
        fcntl.flock(shut, fcntl.LOCK_EX)
        working = asyncio.create_task(parsing.parse_all())
        parser = int(await asyncio.to_thread(fifo.read_text))
        assert template.pid is not None
        os.kill(template.pid, signal.SIGKILL)
        await until_gone(parser)
    assert int(await asyncio.to_thread(fifo.read_text)) != parser
    await working
    assert register.dags() == {"a"}
    assert register.parses == ["a.py"]
