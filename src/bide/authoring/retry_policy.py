"""Whether and when a task that failed is tried again, decided by what it has raised.

The names are Airflow's (https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from bide.authoring.moments import as_seconds
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.context import Context

_log = logging.getLogger("bide.task")

ExceptionSpec = type[BaseException] | str


class RetryAction(StrEnum):
    """What to do about a failure."""

    #: Try again, as long as there are tries left.
    RETRY = "retry"
    #: Fail, whatever tries are left.
    FAIL = "fail"
    #: What the task's `retries` and `retry_delay` say.
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What a policy says. `retry_delay`, a timedelta or seconds, takes the place of the task's own."""

    action: RetryAction = RetryAction.DEFAULT
    retry_delay: dt.timedelta | float | None = None
    #: Goes to the log of the task.
    reason: str | None = None

    @classmethod
    def retry(cls, delay: dt.timedelta | float | None = None, reason: str | None = None) -> RetryDecision:
        """Try again, after `delay` or the usual time."""
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        """Don't try again."""
        return cls(RetryAction.FAIL, reason=reason)

    @classmethod
    def default(cls) -> RetryDecision:
        """As if there were no policy."""
        return cls()


class RetryPolicy(ABC):
    """Decides about failures of a task; subclass it and write :meth:`evaluate`.

    Errors that say themselves that they are final, such as ``AirflowFailException``, never come here.
    """

    @abstractmethod
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """What to do about `exception` of try `try_number`. Called in the worker, after the failure."""


@dataclass(frozen=True)
class RetryRule:
    """What to do about some exceptions: classes, or paths to them such as ``"requests.exceptions.HTTPError"``."""

    exception: ExceptionSpec | Iterable[ExceptionSpec]
    action: RetryAction = RetryAction.RETRY
    retry_delay: dt.timedelta | float | None = None
    reason: str | None = None
    match_subclasses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", RetryAction(self.action))
        as_seconds(self.retry_delay, name="retry_delay", of="RetryRule")
        for one in self._given():
            is_class = isinstance(one, type) and issubclass(one, BaseException)
            if not is_class and not (isinstance(one, str) and "." in one):
                raise InvalidArgument(
                    f"RetryRule: {one!r} is no exception class, and no path to one such as 'a.b.Error'"
                )

    def matches(self, exception: BaseException) -> bool:
        """Whether the rule is about `exception`."""
        kinds = tuple(kind for one in self._given() if (kind := _class_of(one)) is not None)
        return isinstance(exception, kinds) if self.match_subclasses else type(exception) in kinds

    def _given(self) -> tuple[Any, ...]:
        given: Any = self.exception
        return tuple(cast("Iterable[Any]", given)) if isinstance(given, list | tuple | set) else (given,)


class ExceptionRetryPolicy(RetryPolicy):
    """The first of `rules` that is about the exception decides; `default` counts where none is."""

    def __init__(self, rules: Iterable[RetryRule], default: RetryAction | str = RetryAction.DEFAULT) -> None:
        self.rules = list(rules)
        self.default = RetryAction(default)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """By the rules."""
        for rule in self.rules:
            if rule.matches(exception):
                reason = rule.reason or f"there is a rule for {type(exception).__name__}"
                return RetryDecision(rule.action, rule.retry_delay, reason)
        return RetryDecision(self.default)


class ChainRetryPolicy(RetryPolicy):
    """The first of `policies` that does not say DEFAULT decides."""

    def __init__(self, *policies: RetryPolicy | Iterable[RetryPolicy]) -> None:
        self.policies: list[RetryPolicy] = []
        for one in policies:
            self.policies += [one] if isinstance(one, RetryPolicy) else list(one)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """By the first policy that has something to say."""
        for policy in self.policies:
            decision = policy.evaluate(exception, try_number, max_tries, context)
            if decision.action is not RetryAction.DEFAULT:
                return decision
        return RetryDecision()


def _class_of(given: ExceptionSpec) -> type[BaseException] | None:
    """The class; None, with a line in the log, for a path that leads nowhere."""
    if not isinstance(given, str):
        return given
    module, _, name = given.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        _log.warning("The retry rule for %r matches nothing: %s", given, error)
        return None
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    _log.warning("The retry rule for %r matches nothing: that is no exception class", given)
    return None
