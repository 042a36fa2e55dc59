"""An engine driven by hand, for tests on a real store; their event loops must not be blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bide.store import Store
from tests.support.clock import HeldClock
from tests.support.hand_engine import HandEngine


@pytest.fixture
def engine(store: Store, clock: HeldClock, tmp_path: Path) -> HandEngine:
    """An engine without processes."""
    return HandEngine(store, clock, tmp_path / "logs")
