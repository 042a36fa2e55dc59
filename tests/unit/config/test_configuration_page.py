"""The page of settings says what the settings are."""

from __future__ import annotations

from pathlib import Path

from bide.config.reference import reference_page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "run `python -m bide.config.reference > docs/reference/configuration.md`"
    )
