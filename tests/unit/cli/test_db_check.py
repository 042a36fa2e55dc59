"""``bide db check``: of a store that may not be there yet, and again after a while."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

from bide.cli import db
from tests.unit.cli.conftest import Project

Bide = Callable[..., Result]


def test_a_store_that_is_not_there_yet_can_be_reached(project: Project, bide: Bide) -> None:
    assert bide("db", "check").exit_code == 3
    assert bide("db", "check", "--reachable").exit_code == 0
    assert not (project.home / "bide.db").exists()


def test_it_tries_again_until_the_store_is_there(
    project: Project, bide: Bide, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 2:
            project.put(project.etl())

    monkeypatch.setattr(db.time, "sleep", pause)
    assert bide("db", "check", "--retry", "5", "--retry-delay", "2.5").exit_code == 0
    assert paused == [2.5, 2.5]


def test_the_last_try_counts(project: Project, bide: Bide, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(db.time, "sleep", paused.append)
    assert bide("db", "check", "--retry", "2").exit_code == 3
    assert paused == [1.0, 1.0]
