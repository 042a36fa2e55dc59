"""Names for the values of ``trigger_rule``."""

from __future__ import annotations

from enum import EnumMeta, StrEnum
from typing import Any

from bide.authoring.older_names import OLDER_RULES, rule_named


class _RuleType(EnumMeta):
    """Knows the older names of rules, too."""

    def __getattr__(cls, name: str) -> Any:
        if name.lower() in OLDER_RULES and name.isupper():
            return cls[rule_named(name.lower()).upper()]
        raise AttributeError(f"{cls.__name__} has no rule {name!r}")


class TriggerRule(StrEnum, metaclass=_RuleType):
    """When a task runs, given what became of the tasks directly before it."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_SKIPPED = "all_skipped"
    ALWAYS = "always"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    NONE_SKIPPED = "none_skipped"
    ONE_DONE = "one_done"
    ONE_FAILED = "one_failed"
    ONE_SUCCESS = "one_success"

    @classmethod
    def _missing_(cls, value: object) -> TriggerRule | None:
        return cls(rule_named(value)) if isinstance(value, str) and value in OLDER_RULES else None
