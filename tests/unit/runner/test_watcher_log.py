"""Logs of watchers, which have no end, are kept short."""

from __future__ import annotations

from pathlib import Path

from bide.runner.held_trigger import keep_short


def test_a_long_log_is_put_aside_in_place_of_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "w.log"
    keep_short(log, 10)
    assert list(tmp_path.iterdir()) == [], "there is none yet"
    for text, files in (
        ("short", {"w.log": "short"}),
        ("0123456789", {"w.log.1": "0123456789"}),
        ("9876543210", {"w.log.1": "9876543210"}),
    ):
        log.write_text(text)
        keep_short(log, 10)
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files
