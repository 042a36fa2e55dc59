"""The examples are no package: their folder goes on the path, as it does when Bide reads them."""

import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
sys.path.insert(0, str(EXAMPLES))


@pytest.fixture
def examples():
    return EXAMPLES
