"""The object by which packages mask secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bide.observe.masking import forget_secrets
from bide.standard.secrets_masker import SecretsMasker, secrets_masker


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    yield
    forget_secrets()


def test_known_secrets_and_such_names_are_masked() -> None:
    masker = secrets_masker()
    masker.add_mask("wagenrad")
    masker.add_mask("harmless", name="colour")
    told = {"text": ["a wagenrad", ("harmless",)], "password": {"a": "x", "n": 1}, "n": 5}
    assert masker.redact(told) == {"text": ["a ***", ("harmless",)], "password": {"a": "***", "n": 1}, "n": 5}
    masker.sensitive_variables_fields = ["colour"]
    assert masker.redact("green", name="colour") == "***"
    masker.sensitive_variables_fields = []


def test_a_line_of_a_log_is_masked() -> None:
    secrets_masker().add_mask("wagenrad")
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "the %s", ("wagenrad",), None)
    assert secrets_masker().filter(record)
    assert record.getMessage() == "the ***"


def test_a_subclass_decides_for_itself() -> None:
    class Mine(SecretsMasker):
        def _redact(self, item: Any, name: str | None, depth: int, max_depth: int, **kwargs: Any) -> Any:
            return "kept" if item == "keep" else super()._redact(item, name, depth, max_depth, **kwargs)

    assert Mine().redact({"token": "keep", "key": ["keep"], "password": "x"}) == {
        "token": "kept", "key": ["kept"], "password": "***",
    }  # fmt: skip
