"""Waiting for a person's answer."""

from __future__ import annotations

from typing import Any

from bide.authoring.trigger import SignalTrigger
from bide.model.questions import SIGNAL, Question


class HumanTrigger(SignalTrigger):
    """Asks people a question; fires when one of them has answered, by the API or ``bide questions answer``.

    The event's payload is a dict: ``chosen_options``, ``params_input``, ``responded_by_user`` and ``responded_at``.
    """

    def __init__(self, question: dict[str, Any] | Question) -> None:
        super().__init__(SIGNAL)
        fields = question if isinstance(question, dict) else _fields(question)
        lists = {name: tuple(fields[name] or ()) for name in ("options", "assignees") if name in fields}
        defaults = fields.get("defaults")
        self.question = Question(
            **{**fields, **lists, "defaults": None if defaults is None else tuple(defaults)}  # pyright: ignore[reportArgumentType]
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the question."""
        return f"{HumanTrigger.__module__}.{HumanTrigger.__qualname__}", {"question": _fields(self.question)}

    def describe(self) -> str:
        who = f" ({', '.join(self.question.assignees)})" if self.question.assignees else ""
        return f"an answer to {self.question.subject!r}{who}"


def _fields(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in Question.__struct_fields__}
