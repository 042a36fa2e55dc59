"""How testing deferral fails elsewhere, and does not here."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide import BaseTrigger, TriggerEvent
from bide.testing import RunStuck, SkippingClock, run_dag
from tests.unit.testing.waiting import waiting_dag


class Later(BaseTrigger):
    def __init__(self, days: float | None) -> None:
        super().__init__()
        self.days = days

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Later", {"days": self.days}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.days is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self.days * 86_400)
        yield TriggerEvent("later")


def test_k29_a_deferred_task_runs_on_in_the_process_of_the_test() -> None:
    """K29: no triggerer beside it is needed, and the week is skipped."""
    assert run_dag(waiting_dag(Later(7)))["a"].result == "later"


def test_k29_dag_test_runs_triggers_inline(capsys: pytest.CaptureFixture[str]) -> None:
    """K29: so does ``dag.test()``, with the same clock if it is given one."""
    result = waiting_dag(Later(7)).test(clock=SkippingClock(), run_conf={"x": 1})
    assert result["a"].result == "later"
    assert "Trigger fired" in capsys.readouterr().out


def test_k29_a_wait_without_end_does_not_hang_the_test() -> None:
    """K29: what can't happen any more is said, by name."""
    with pytest.raises(RunStuck, match="a waits for Later"):
        run_dag(waiting_dag(Later(None)))
    with pytest.raises(RunStuck, match="time_limit"):
        run_dag(waiting_dag(Later(40)), time_limit=dt.timedelta(days=30))


def test_k29_the_real_store_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K29: neither the project's store nor $BIDE_HOME is read or written, not even where they are broken."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "bide.db").write_text("no database")
    (tmp_path / "bide.toml").write_text("[store]\nurl = 'sqlite:////nowhere/at/all.db'\n")
    monkeypatch.setenv("BIDE_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert run_dag(waiting_dag(Later(1)))["a"].result == "later"
    assert [path.name for path in home.iterdir()] == ["bide.db"]
    assert (home / "bide.db").read_text() == "no database"
