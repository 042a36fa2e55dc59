"""Sensors: tasks that look again and again until something is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from bide.authoring.deferral import TaskRescheduled
from bide.authoring.moments import as_seconds, monotonic, now, sleep
from bide.authoring.operator import BaseOperator
from bide.authoring.operator_checks import check_choice, name_of
from bide.authoring.settings import find_flag
from bide.model.errors import (
    AuthoringError,
    BideError,
    DeferralTimeout,
    InvalidArgument,
    SensorTimeout,
    TaskFailure,
    TaskSkipped,
    TaskTimeout,
)

if TYPE_CHECKING:
    from bide.authoring.context import Context

#: A sensor that is not told otherwise gives up after a week (seconds).
DEFAULT_TIMEOUT: Final = 7 * 24 * 3600.0
MODES: Final = ("poke", "reschedule")


class PokeReturnValue:
    """What :meth:`BaseSensorOperator.poke` may return instead of a boolean, to hand a value on as XCom."""

    def __init__(self, is_done: bool, xcom_value: Any = None) -> None:
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensorOperator(BaseOperator):
    """Calls :meth:`poke` every `poke_interval` until it is true; fails `timeout` after the first start of the try.

    In `mode` ``poke`` it sleeps in the worker between looks; in ``reschedule`` it gives its slot back, and looks at
    once when it is sent a signal. The setting ``[operators] poke_holds_slot = false`` lets sensors in mode ``poke``
    do the same. With `exponential_backoff` each pause is twice the one before, up to `max_wait`. A timeout is not
    tried again.

    `soft_fail`: a timeout ends the task as skipped. `never_fail`: any exception of :meth:`poke` does too.
    `silent_fail`: an exception of :meth:`poke` is logged, and it looks again. Spans are timedeltas or seconds.
    """

    ui_color = "#e6f1f2"
    #: Whether it can't be rescheduled: see :func:`poke_mode_only`.
    always_holds_slot: ClassVar[bool] = False

    def __init__(
        self,
        *,
        poke_interval: dt.timedelta | float = 60,
        timeout: dt.timedelta | float = DEFAULT_TIMEOUT,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: dt.timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        of = name_of(self)
        #: Seconds.
        self.poke_interval = _span(poke_interval, "poke_interval", of)
        #: Seconds.
        self.timeout = _span(timeout, "timeout", of)
        self.soft_fail = soft_fail
        self.mode = mode
        self.exponential_backoff = exponential_backoff
        #: Seconds, or None.
        self.max_wait = as_seconds(max_wait, name="max_wait", of=of)
        self.silent_fail = silent_fail
        self.never_fail = never_fail
        check_choice(mode, MODES, "mode", of)
        if soft_fail and never_fail:
            raise InvalidArgument(f"{of}: soft_fail and never_fail can't both be set")

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once: whether it is there. Subclasses write this, unless they only ever defer."""
        raise NotImplementedError(f"{type(self).__name__} has no poke(self, context)")

    @property
    def reschedule(self) -> bool:
        """Whether the sensor gives its slot back between looks."""
        if self.mode == "reschedule":
            return True
        return not self.always_holds_slot and not find_flag("operators", "poke_holds_slot", True)

    def execute(self, context: Context) -> Any:
        """Look until it is there, the time is over, or the slot is given back."""
        elapsed = self._stopwatch(context)
        pokes = 0
        while True:
            found = self._look(context)
            if found:
                self.log.info("Success criteria met. Exiting.")
                return found.xcom_value if isinstance(found, PokeReturnValue) else None
            pokes += 1
            spent = elapsed()
            if spent >= self.timeout:
                self._give_up(spent)
            # The last look is when the time is over, not up to an interval later.
            pause = min(self._pause_after(pokes, spent), self.timeout - spent)
            if self.reschedule:
                raise TaskRescheduled(now() + dt.timedelta(seconds=pause))
            sleep(pause)

    def _stopwatch(self, context: Context) -> Callable[[], float]:
        """Seconds since the first start of this try, whatever happened between."""
        started = context["ti"].start_date if self.reschedule else None
        begun = monotonic()

        def elapsed() -> float:
            return monotonic() - begun if started is None else (now() - started).total_seconds()

        return elapsed

    def _look(self, context: Context) -> bool | PokeReturnValue:
        try:
            return self.poke(context)
        except TaskSkipped:
            raise
        except (SensorTimeout, TaskTimeout, TaskFailure) as error:
            if self.soft_fail or self.never_fail:
                raise TaskSkipped(f"skipped instead of failed: {error}") from error
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("Sensor poke failed; looking again")
                return False
            if self.never_fail:
                raise TaskSkipped(f"skipped, because never_fail is set: {error}") from error
            raise

    def _give_up(self, spent: float) -> None:
        message = f"the sensor has timed out after {spent:.1f} s; its timeout is {self.timeout:g} s"
        if self.soft_fail or self.never_fail:
            raise TaskSkipped(message)
        raise SensorTimeout(message)

    def _pause_after(self, pokes: int, spent: float) -> float:
        """Seconds until the next look, after `pokes` looks in this segment and `spent` seconds of this try."""
        pause = self.poke_interval
        if self.exponential_backoff:
            # A rescheduled sensor has forgotten how often it looked; the time that went by says it.
            count = self._looks_in(spent) if self.reschedule else pokes
            # Beyond 2**40 intervals nothing is left to wait for; it also keeps the number finite.
            pause *= 2.0 ** min(count - 1, 40)
        return pause if self.max_wait is None else min(pause, self.max_wait)

    def _looks_in(self, spent: float) -> int:
        """How many looks there have been in `spent` seconds of doubling pauses."""
        looks, pause, total = 1, self.poke_interval, self.poke_interval
        while 0 < total <= spent:
            looks += 1
            pause = min(pause * 2, self.max_wait or float("inf"))
            total += pause
        return looks

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As for any operator, and a wait that is over its time is a timeout of the sensor.

        With `soft_fail` a failed wait, or an ``AirflowException`` of the method, skips the task; with `never_fail`
        any exception does.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskSkipped:
            raise
        except Exception as error:
            if self.never_fail or (self.soft_fail and _is_told(error)):
                raise TaskSkipped(f"skipped instead of failed: {error}") from error
            if isinstance(error, DeferralTimeout):
                raise SensorTimeout(str(error)) from error
            raise


S = TypeVar("S", bound=type[BaseSensorOperator])


def poke_mode_only(cls: S) -> S:
    """Decorator of sensor classes that can't be rescheduled: another `mode` is refused when a task is made."""
    init: Any = cls.__init__
    cls.always_holds_slot = True

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if self.mode != "poke":
            raise InvalidArgument(f"{name_of(self)}: {cls.__name__} works in mode 'poke' only, not {self.mode!r}")

    __init__.__wrapped__ = init  # type: ignore[attr-defined]
    cls.__init__ = __init__
    return cls


def _is_told(error: Exception) -> bool:
    """Whether code of the sensor, or its trigger, says by `error` that it has failed; no other mistake is meant."""
    return isinstance(error, BideError) and not isinstance(error, AuthoringError)


def _span(value: object, name: str, of: str) -> float:
    seconds = as_seconds(value, name=name, of=of)
    if seconds is None:
        raise InvalidArgument(f"{of}: {name} must be a timedelta or a number of seconds, not None")
    return seconds
