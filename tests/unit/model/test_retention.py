"""Rules of how long runs are kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bide.model.errors import ConfigError
from bide.model.retention import Keep, Retention, read_rules

NOW = datetime(2026, 3, 29, tzinfo=UTC)


def test_rules_of_single_dags_come_before_the_usual_one() -> None:
    rules = read_rules(["noisy=0.5", "busy = 7 : 100", "many=:20", "audit=forever"])
    assert rules == {"noisy": Keep(0.5), "busy": Keep(7.0, 100), "many": Keep(None, 20), "audit": Keep()}
    retention = Retention(Keep(30), rules)
    assert retention.of("other") == Keep(30)
    assert retention.of("audit").is_all
    assert not retention.is_all
    assert not Retention(Keep(), rules).is_all
    assert Retention(Keep(), {"audit": Keep()}).is_all


@pytest.mark.parametrize(
    "text", ["noisy", "=7", "noisy=", "noisy=:", "noisy=soon", "noisy=7:x", "noisy=-1", "noisy=:-1"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no rule: write DAG=DAYS"):
        read_rules([text])


def test_days_are_counted_back_from_now() -> None:
    assert Keep(1).before(NOW) == datetime(2026, 3, 28, tzinfo=UTC)
    assert Keep(None, 3).before(NOW) is None
