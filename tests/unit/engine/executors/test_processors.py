"""How busy the processors are."""

from __future__ import annotations

import os
from pathlib import Path

from bide.engine.executors.local.processors import IdleCores


def write_stat(path: Path, *, user: int, idle: int) -> None:
    path.write_text(f"cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n")


def test_measures_what_was_idle_since_the_start(tmp_path: Path):
    stat = tmp_path / "stat"
    write_stat(stat, user=100, idle=100)
    idle = IdleCores(4, stat)
    idle.restart(0.0)
    write_stat(stat, user=130, idle=110)
    assert idle.measure(1.0) == 1.0
    write_stat(stat, user=130, idle=210)
    assert idle.measure(2.0) == 4.0


def test_nothing_is_idle_before_it_was_measured(tmp_path: Path):
    stat = tmp_path / "stat"
    write_stat(stat, user=0, idle=0)
    idle = IdleCores(2, stat)
    idle.restart(1.0)
    write_stat(stat, user=0, idle=10)
    assert idle.measure(1.01) == 0.0
    assert idle.measure(1.06) == 2.0
    idle.restart(1.07)
    assert idle.measure(1.08) == 0.0


def test_a_measurement_is_kept_for_a_moment(tmp_path: Path):
    stat = tmp_path / "stat"
    write_stat(stat, user=0, idle=0)
    idle = IdleCores(2, stat)
    idle.restart(0.0)
    write_stat(stat, user=10, idle=10)
    assert idle.measure(1.0) == 1.0
    write_stat(stat, user=10, idle=100)
    assert idle.measure(1.01) == 1.0
    assert idle.measure(1.2) == 2.0


def test_without_proc_the_load_counts(tmp_path: Path):
    idle = IdleCores(8, tmp_path / "none")
    idle.restart(0.0)
    measured = idle.measure(1.0)
    assert 0.0 <= measured <= 8.0
    assert abs(measured - max(0.0, 8 - os.getloadavg()[0])) < 1.0
