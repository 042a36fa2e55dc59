"""Two files that make a DAG of one id."""

from __future__ import annotations

from pathlib import Path

from bide.control.register_file import register_file
from bide.model.dag_spec import DagSpec, TaskSpec
from bide.store import Store, views
from bide.wire.messages import FileParsed


def _parsed(path: Path) -> FileParsed:
    spec = DagSpec("shared", str(path), str(path.parent), tasks=(TaskSpec("t"),))
    return FileParsed(str(path), (spec,), (), {}, 0.1)


async def _register(store: Store, path: Path) -> FileParsed:
    return await register_file(store, _parsed(path), folder=str(path.parent), paused_at_creation=False)


async def test_the_first_file_keeps_the_id_while_it_is_there(store: Store, tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.touch()
    await _register(store, first)
    stored = await _register(store, second)
    assert stored.dags == ()
    assert str(first) in stored.errors[0].message and str(second) in stored.errors[0].message
    shown = await store.read(lambda tx: views.get_dag(tx, "shared"))
    assert shown is not None and shown.fileloc == str(first)


async def test_a_file_that_is_gone_gives_its_ids_up(store: Store, tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.touch()
    await _register(store, first)
    first.unlink()
    stored = await _register(store, second)
    assert [spec.dag_id for spec in stored.dags] == ["shared"] and stored.errors == ()
    shown = await store.read(lambda tx: views.get_dag(tx, "shared"))
    assert shown is not None and shown.fileloc == str(second)
