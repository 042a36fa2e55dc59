"""Questions that tasks ask people, and what counts as an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from bide.model.errors import Conflict, InvalidArgument
from bide.model.param_schema import problem_of

#: The signal that carries an answer.
SIGNAL: Final = "answer"


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person is asked. It is stored and shown in clear."""

    subject: str
    options: tuple[str, ...]
    #: Longer, maybe Markdown.
    body: str = ""
    #: The options that are taken when nobody answers in time; None: then the task fails.
    defaults: tuple[str, ...] | None = None
    #: Whether several options may be chosen.
    multiple: bool = False
    #: Fields to fill in, by name: ``value`` (the default), ``description``, ``schema`` (of JSON).
    form: dict[str, Any] = {}
    #: Ids or names of those who may answer; without any, everybody.
    assignees: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What was answered."""

    chosen_options: tuple[str, ...]
    params_input: dict[str, Any]


class NotAssigned(Conflict):
    """Somebody answers who was not asked."""


def check_question(question: Question, of: str) -> None:
    """Raise :class:`InvalidArgument` for a question that can't be answered."""
    if not question.subject:
        raise InvalidArgument(f"{of}: subject is empty")
    if not question.options:
        raise InvalidArgument(f"{of}: options must have at least one option")
    if len(set(question.options)) < len(question.options):
        raise InvalidArgument(f"{of}: options has one twice: {', '.join(question.options)}")
    for default in question.defaults or ():
        if default not in question.options:
            raise InvalidArgument(f"{of}: the default {default!r} is none of {', '.join(question.options)}")
    if not question.multiple and len(question.defaults or ()) > 1:
        raise InvalidArgument(f"{of}: defaults has several options; that needs multiple=True")


def check_answer(question: Question, chosen: Sequence[str], given: Mapping[str, Any]) -> Answer:
    """The answer with what the form has by default; :class:`InvalidArgument` with what is wrong with it."""
    for option in chosen:
        if option not in question.options:
            raise InvalidArgument(f"{option!r} is none of the options: {', '.join(question.options)}")
    if not chosen:
        raise InvalidArgument(f"choose one of the options: {', '.join(question.options)}")
    if len(chosen) > 1 and not question.multiple:
        raise InvalidArgument(f"only one option may be chosen, not {', '.join(chosen)}")
    unknown = sorted(set(given) - question.form.keys())
    if unknown:
        fields = ", ".join(question.form) or "none"
        raise InvalidArgument(f"the form has no field {', '.join(map(repr, unknown))}; it has {fields}")
    for name, value in given.items():
        problem = problem_of(question.form[name].get("schema") or {}, value)
        if problem and value is not None:
            raise InvalidArgument(f"field {name!r} of the form: {problem}")
    values = {name: given.get(name, field.get("value")) for name, field in question.form.items()}
    lacking = sorted(
        name for name, value in values.items() if value is None and not _may_be_null(question.form[name])
    )
    if lacking:
        raise InvalidArgument(f"the form lacks {', '.join(map(repr, lacking))}")
    return Answer(tuple(chosen), values)


def _may_be_null(field: Mapping[str, Any]) -> bool:
    schema: Mapping[str, Any] = field.get("schema") or {}
    kinds: Any = schema.get("type")
    return kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def check_assigned(question: Question, by: str) -> None:
    """Raise :class:`NotAssigned` if `by` was not asked."""
    if question.assignees and by not in question.assignees:
        raise NotAssigned(f"{by!r} was not asked; only {', '.join(question.assignees)} may answer")
