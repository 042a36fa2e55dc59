"""The process that removes what XComs of deleted runs have left elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bide.authoring.xcom_backend import BaseXCom, StoredXCom, find_backend
from bide.authoring.xcom_storage import Place, XComStorage
from bide.runner.purging import purge
from bide.runner.settings import xcom_storage
from bide.wire.purge_messages import PurgeXComs, StoredAway

REMOVED: list[StoredXCom] = []


class InVault(BaseXCom):
    """A backend that fails for one key."""

    @staticmethod
    def purge(xcom: StoredXCom) -> None:
        if xcom.key == "bad":
            raise OSError("no way")
        REMOVED.append(xcom)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Settings are read anew."""
    xcom_storage.cache_clear()
    find_backend.cache_clear()
    REMOVED.clear()
    yield
    xcom_storage.cache_clear()
    find_backend.cache_clear()


def test_all_objects_of_a_run_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__XCOM__OBJECTSTORAGE_PATH", f"file://{tmp_path}/xcoms")
    storage = XComStorage(f"file://{tmp_path}/xcoms", 0)
    for run_id in ("old/1", "new"):
        for number in (1, 2):
            storage.put(b"[1]", Place("d", run_id, "a", -1, number), "return_value")
    answer = purge(PurgeXComs((StoredAway(7, "d", "old/1"), StoredAway(8, "d", "never"))))
    assert answer.errors == {}
    assert [one.name for one in (tmp_path / "xcoms" / "d").iterdir()] == ["new"]


def test_a_backend_is_asked_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__CORE__XCOM_BACKEND", f"{__name__}.InVault")
    values = [StoredAway(number, "d", "r", "a", -1, key, b'"where"') for number, key in enumerate(("one", "bad"))]
    answer = purge(PurgeXComs(tuple(values)))
    assert answer.errors == {1: "OSError: no way"}
    assert [StoredXCom('"where"', "one", "d", "r", "a", -1)] == REMOVED


def test_what_is_not_set_any_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIDE__XCOM__OBJECTSTORAGE_PATH", "BIDE__CORE__XCOM_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    answer = purge(PurgeXComs((StoredAway(1, "d", "r"), StoredAway(2, "d", "r", "a"))))
    assert "objectstorage_path is not set any more" in answer.errors[1]
    assert "xcom_backend is not set any more" in answer.errors[2]
