"""Human in the loop: tasks that ask people and wait for the answer, which costs a row in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.composition import any_of
from bide.authoring.human import HumanTrigger
from bide.authoring.moments import as_seconds, now
from bide.authoring.operator import BaseOperator
from bide.authoring.operator_checks import name_of
from bide.authoring.skipping import BranchMixin, SkipMixin
from bide.model.errors import InvalidArgument
from bide.model.questions import Question, check_answer, check_question
from bide.standard.external_errors import Rejected
from bide.standard.triggers.temporal import DateTimeTrigger

if TYPE_CHECKING:
    from bide.authoring.context import Context

APPROVE: Final = "Approve"
REJECT: Final = "Reject"
#: Who has answered where nobody did in time.
_NOBODY: Final = {"id": "defaults", "name": "nobody in time"}


class HITLOperator(BaseOperator):
    """Asks people to choose of `options`, and to fill in the fields of `params`.

    `subject` is the question in one line, `body` more about it, maybe Markdown; both may be templates. With
    `multiple` several options may be chosen. `assigned_users` are those who may answer: their ids or names, or
    dicts with ``id`` and ``name``. `response_timeout` (or `execution_timeout`) limits the wait: then `defaults` are
    chosen, and without them the task fails. `notifiers` are called with the context when the question is asked.

    People answer over the API or by ``bide questions answer``. The result is a dict: ``chosen_options``,
    ``params_input``, ``responded_by_user`` and ``responded_at``.
    """

    template_fields = ("subject", "body")

    def __init__(
        self,
        *,
        subject: str,
        options: Iterable[str],
        body: str | None = None,
        defaults: str | Iterable[str] | None = None,
        multiple: bool = False,
        params: Mapping[str, Any] | None = None,
        notifiers: Callable[[Any], Any] | Iterable[Callable[[Any], Any]] | None = None,
        assigned_users: Any = None,
        response_timeout: dt.timedelta | float | None = None,
        execution_timeout: dt.timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        # What limits the wait for people is no limit for the work before and after it.
        super().__init__(params=dict(params or {}), **kwargs)
        of = name_of(self)
        self.subject = subject
        self.body = body
        self.options = tuple(options)
        self.defaults = None if defaults is None else (defaults,) if isinstance(defaults, str) else tuple(defaults)
        self.multiple = multiple
        found = [notifiers] if callable(notifiers) else list(notifiers or ())
        self.notifiers: list[Callable[[Any], Any]] = found
        self.assigned_users = _users(assigned_users)
        limit = execution_timeout if response_timeout is None else response_timeout
        #: Seconds, or None.
        self.response_timeout = as_seconds(limit, name="response_timeout", of=of)
        check_question(self.question(), of)

    def question(self) -> Question:
        """What people are asked."""
        return Question(
            subject=self.subject,
            options=self.options,
            body=self.body or "",
            defaults=self.defaults,
            multiple=self.multiple,
            form={name: self.params.get_param(name).dump() for name in self.params},
            assignees=self.assigned_users,
        )

    def execute(self, context: Context) -> Any:
        question = self.question()
        check_question(question, name_of(self))
        for notifier in self.notifiers:
            notifier(context)
        asks = HumanTrigger(question)
        if self.response_timeout is None:
            self.defer(asks, method_name="execute_complete")
        if self.defaults is None:
            self.defer(asks, method_name="execute_complete", timeout=self.response_timeout)
        late = DateTimeTrigger(now() + dt.timedelta(seconds=self.response_timeout))
        self.defer(any_of(answer=asks, late=late), method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Somebody has answered, or nobody has in time."""
        told = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
        if "late" in told and "answer" not in told:
            chosen = list(self.defaults or ())
            answer: dict[str, Any] = {"chosen_options": chosen, "responded_by_user": _NOBODY}
            self.log.info("nobody has answered in time; taking %s", ", ".join(chosen))
        else:
            answer = cast("dict[str, Any]", told.get("answer", told))
        checked = check_answer(
            self.question(), answer.get("chosen_options") or (), answer.get("params_input") or {}
        )
        by: Any = answer.get("responded_by_user")
        self.log.info("chosen: %s, by %s", ", ".join(checked.chosen_options), by)
        return {
            "chosen_options": list(checked.chosen_options),
            "params_input": checked.params_input,
            "responded_by_user": by,
            "responded_at": answer.get("responded_at") or now().isoformat(),
        }


class ApprovalOperator(HITLOperator, SkipMixin):
    """Goes on only if somebody approves.

    After a rejection all tasks downstream are skipped; with `ignore_downstream_trigger_rules` false, as by default,
    only those directly downstream are, and the others go by their trigger rules. `fail_on_reject` fails the task.
    """

    def __init__(
        self,
        *,
        subject: str,
        ignore_downstream_trigger_rules: bool = False,
        fail_on_reject: bool = False,
        **kwargs: Any,
    ) -> None:
        for name in ("options", "multiple"):
            if name in kwargs:
                raise InvalidArgument(f"task {kwargs.get('task_id')!r}: ApprovalOperator has {name} of its own")
        super().__init__(subject=subject, options=(APPROVE, REJECT), **kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules
        self.fail_on_reject = fail_on_reject

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] == [APPROVE]:
            return answer
        if self.fail_on_reject:
            raise Rejected(f"rejected by {answer['responded_by_user']}")
        relatives = self.get_flat_relatives if self.ignore_downstream_trigger_rules else self.get_direct_relatives
        self.skip(context["ti"], [task for task in relatives(upstream=False) if not task.is_teardown])
        return answer


class HITLBranchOperator(HITLOperator, BranchMixin):
    """Follows the tasks that people choose: options are ids of tasks, or `options_mapping` says which they mean."""

    def __init__(self, *, options_mapping: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options_mapping = dict(options_mapping or {})
        unknown = sorted(set(self.options_mapping) - set(self.options))
        if unknown:
            raise InvalidArgument(
                f"{name_of(self)}: options_mapping has {', '.join(unknown)}, which are no options"
            )

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        answer = super().execute_complete(context, event)
        chosen = [self.options_mapping.get(option, option) for option in answer["chosen_options"]]
        self.do_branch(context, chosen)
        return answer


class HITLEntryOperator(HITLOperator):
    """Has people fill in the fields of `params`, and go on with ``OK``."""

    def __init__(self, *, options: Iterable[str] = ("OK",), defaults: Any = ("OK",), **kwargs: Any) -> None:
        super().__init__(options=options, defaults=defaults, **kwargs)


def _users(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values: Iterable[Any] = [value] if isinstance(value, str | dict) else value
    found: list[str] = []
    for one in values:
        names = [one] if isinstance(one, str) else [one.get("id"), one.get("name")]
        found += [str(name) for name in names if name and str(name) not in found]
    return tuple(found)
