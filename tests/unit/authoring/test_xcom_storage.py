"""Large XComs as objects: what goes there, what may be read, and what the next try removes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bide.authoring.xcom_storage import Place, XComStorage
from bide.model.errors import ValueRefused
from bide.model.shown_values import shown_value
from bide.model.value_objects import reference_to, use_objects
from bide.model.values import decode, encode

PLACE = Place("my dag", "manual__2026-01-01T00:00:00+00:00", "group.task", -1, 1)


def storage(folder: Path, threshold: int = 10, *, packed: bool = False) -> XComStorage:
    return XComStorage(f"file://{folder}/xcoms/", threshold, packed=packed)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "xcoms").rglob("*") if path.is_file())


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_value_goes_there_and_comes_back(tmp_path: Path, packed: bool) -> None:
    kept = storage(tmp_path, packed=packed)
    data = encode({"rows": [1] * 50}, what="value")
    stored = kept.put(data, PLACE, "a/b")
    assert len(stored) < 400 and stored != data
    (file,) = files(tmp_path)
    assert (file.read_bytes() == data) is not packed
    assert file.relative_to(tmp_path / "xcoms").parts[0] == "my%20dag"
    before = use_objects(kept.fetch)
    try:
        assert decode(stored) == {"rows": [1] * 50}
    finally:
        use_objects(before)
    assert shown_value(stored) == f"<{len(data)} bytes at file://{file}>"


def test_a_small_value_stays(tmp_path: Path) -> None:
    assert storage(tmp_path).put(b'"small"', PLACE, "k") == b'"small"'
    assert storage(tmp_path, -1).put(b"x" * 100, PLACE, "k") == b"x" * 100
    assert not (tmp_path / "xcoms").exists()


def test_the_next_try_removes_what_earlier_ones_have_left(tmp_path: Path) -> None:
    kept = storage(tmp_path)
    kept.purge_earlier(PLACE)
    for number in (1, 2, 2, 10):
        kept.put(b"x" * 20, PLACE._replace(try_number=number), "k")
    other = kept.put(b"x" * 20, PLACE._replace(map_index=0), "k")
    kept.purge_earlier(PLACE._replace(try_number=2))
    assert [path.parent.name for path in files(tmp_path)] == ["10", "2", "2", "1"]
    kept.purge_earlier(PLACE._replace(try_number=11))
    assert [path.parent.name for path in files(tmp_path)] == ["1"]
    assert kept.fetch(shown_value(other).partition(" at ")[2][:-1]) == b"x" * 20


@pytest.mark.parametrize("url", ["file:///etc/hostname", "file://{0}/xcoms/../secret", "file://{0}/xcomsx/a"])
def test_nothing_else_is_read(tmp_path: Path, url: str) -> None:
    (tmp_path / "secret").write_text("1")
    with pytest.raises(ValueRefused, match=r"not below \[xcom\] objectstorage_path"):
        storage(tmp_path).fetch(url.format(tmp_path))


def test_a_value_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match=r"the value that was stored at .* is gone"):
        storage(tmp_path).fetch(f"file://{tmp_path}/xcoms/a/b")
    with pytest.raises(ValueRefused, match="this process does not fetch it"):
        decode(reference_to("file:///x", 5))
