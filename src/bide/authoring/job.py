"""Operators that drive a job outside: submit it once, wait for it without a worker, cancel it, fetch its result."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Self

from bide.authoring.composition import any_of
from bide.authoring.job_status import JobStatus
from bide.authoring.job_trigger import JobTrigger, checked_status
from bide.authoring.moments import as_seconds, monotonic, now, sleep
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import current_runtime
from bide.authoring.trigger import BaseTrigger, SignalTrigger, error_pause, grown_pause
from bide.model.errors import (
    DeferralTimeout,
    InvalidArgument,
    NotSerializable,
    TaskError,
    TaskFailure,
    TaskSkipped,
    TaskTimeout,
)
from bide.model.values import encode

if TYPE_CHECKING:
    from bide.authoring.context import Context

#: What ends a task, wherever it is raised; all else may be a service that can't be reached for now.
_FINAL: Final = (TaskTimeout, TaskSkipped, TaskFailure)
#: Seconds that a wait has at least.
_SHORTEST: Final = 0.001
#: Looks that may fail in a row where there is no limit.
_NEVER: Final = 2**31


class JobOperator(BaseOperator):
    """Runs a job of some service. Subclasses write :meth:`submit`, :meth:`poll`, :meth:`cancel`, :meth:`result`.

    While the job runs, the task is deferred. Every `poll_interval` (seconds or a timedelta) it is looked at; with
    ``callback=True`` the task goes on as soon as somebody calls the URL of ``self.callback_url()``, which
    :meth:`submit` hands to the service, and `poll_interval` may be None to never look. With `poll_backoff` above 1
    each pause is so many times longer than the last, up to `max_poll_interval` (by default ten times the first): a
    job of hours is not asked for every few seconds. `timeout` limits the wait.
    So many looks may fail in a row: `error_budget` (beside a callback any number). With ``deferrable=False`` the
    worker itself waits.

    What names the job is stored before anything else is done with it. A try after a crash goes on waiting for it;
    only after a job that has failed another one is submitted. ``reattach=False`` has each try submit its own,
    after it has cancelled the one before. When the task is ended by force, the job is cancelled: by the engine,
    until that has succeeded, and before the next try.

    The methods may be plain or ``async``. All but ``submit`` and ``result`` may run elsewhere, where the operator
    has nothing but its own attributes that can be stored, as they were in the worker: :attr:`job_fields`, or all.
    """

    #: Attributes that :meth:`poll`, :meth:`cancel` and :meth:`find` need; None for all that the subclass has set.
    job_fields: ClassVar[Collection[str] | None] = None

    #: Of each subclass.
    _trigger_class: ClassVar[type[JobTrigger]] = JobTrigger
    _is_rebuilt: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = f"{cls.__name__}Trigger"
        cls._trigger_class = type(name, (JobTrigger,), {"operator_class": cls, "__module__": cls.__module__})
        setattr(cls, name, cls._trigger_class)

    def __init__(
        self,
        *,
        poll_interval: dt.timedelta | float | None = 60.0,
        poll_backoff: float = 1.0,
        max_poll_interval: dt.timedelta | float | None = None,
        callback: bool = False,
        timeout: dt.timedelta | float | None = None,
        error_budget: int = 5,
        reattach: bool = True,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        own = set(vars(self))
        super().__init__(**kwargs)
        whose = f"task {self.task_id!r}"
        self.poll_interval = as_seconds(poll_interval, name="poll_interval", of=whose)
        if isinstance(poll_backoff, bool) or not 1 <= poll_backoff < float("inf"):
            raise InvalidArgument(f"{whose}: poll_backoff must be a factor of 1 or more, not {poll_backoff!r}")
        self.poll_backoff = float(poll_backoff)
        self.max_poll_interval = as_seconds(max_poll_interval, name="max_poll_interval", of=whose)
        self.callback = callback
        self.timeout = as_seconds(timeout, name="timeout", of=whose)
        self.error_budget = error_budget
        self.reattach = reattach
        self.deferrable = deferrable
        if self.poll_interval is None and not (callback and deferrable):
            raise InvalidArgument(
                f"{whose}: poll_interval=None needs callback=True and deferrable=True: "
                "else nobody would learn that the job has ended"
            )
        self._inherited = frozenset({*vars(self), "_inherited"} - own)

    # --- what subclasses write ---------------------------------------------------------------------------------

    def submit(self, context: Context, key: str) -> Any:
        """Start the job and return what names it: anything storable but None, and no secret.

        `key` is for a service that does nothing twice: it stays the same until a job is known to have been
        submitted and to have ended.
        """
        raise NotImplementedError(f"{type(self).__name__} has no submit(self, context, key)")

    def poll(self, job: Any) -> JobStatus | Awaitable[JobStatus]:
        """Look at the job once. What is raised counts against the `error_budget`."""
        raise NotImplementedError(f"{type(self).__name__} has no poll(self, job)")

    def cancel(self, job: Any) -> Any:
        """End the job. It may have ended meanwhile. What is raised has it tried again, for `cancel_timeout`."""
        raise NotImplementedError(f"{type(self).__name__} has no cancel(self, job)")

    def result(self, context: Context, job: Any, status: JobStatus) -> Any:
        """The task's result after the job has succeeded: by default the `value` of its last status."""
        return status.value

    def find(self, key: str) -> Any:
        """The job that was submitted with `key`, or None: asked when a worker died in the midst of ``submit()``.

        Services that heed idempotency keys need none: ``submit()`` is called again with the same key.
        """
        return None

    def belongs_here(self, job: Any) -> bool:
        """Whether a job of an earlier try is one of the service that is asked now; else it is submitted again."""
        return True

    def read_callback(self, job: Any, body: Any) -> JobStatus | Awaitable[JobStatus]:
        """How the job is, after somebody has called the callback URL with `body`: by default, look at it."""
        return self.poll(job)

    def job_name(self, job: Any) -> str:
        """What people call the job; stored and shown in clear. By default the class and a plain `job`."""
        return f"{type(self).__name__} {job}" if isinstance(job, str | int) else type(self).__name__

    async def cleanup(self) -> None:
        """Close what :meth:`poll` and the like have opened; called once they are needed no more."""

    # --- the task ----------------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Submit the job, or go on with the one of an earlier try, and wait for it."""
        with self._cancelled_in_time():
            return self._attach(context) if self._kept() else self._begin(context, submission_key(context["ti"]))

    def execute_complete(
        self, context: Context, event: dict[str, Any], key: str, job: Any, until: float | None
    ) -> Any:
        """Go on after the wait: with what a look has found, or with the body of a callback."""
        with self._cancelled_in_time():
            seen = event if "state" in event else event.get("seen")
            status = JobStatus(**seen) if seen is not None else self._look(self.read_callback, job, event["told"])
            return self._go_on(context, key, job, status, until)

    def _attach(self, context: Context) -> Any:
        """Go on with what an earlier try, or an earlier start of this one, has submitted."""
        kept, own = self._kept() or {}, submission_key(context["ti"])
        key: str = kept["key"]
        if key != own and not self.reattach:
            self._abandon()
            return self._begin(context, own)
        job = kept["job"] if kept["job"] is not None else self._ask(self.find, key)
        if job is None or not self.belongs_here(job):
            return self._begin(context, key)
        self.log.info("going on with %s, which was submitted before", self.job_name(job))
        self._keep(key, job)
        status = self._look(self.poll, job)
        if status is not None and status.state in ("failed", "cancelled") and key != own:
            self.log.info("%s of an earlier try is over: %s", self.job_name(job), _how(status))
            return self._begin(context, own)
        return self._go_on(context, key, job, status)

    def _begin(self, context: Context, key: str) -> Any:
        # From here on this key may have a job, even if nobody should come to know it.
        self._keep(key, None)
        job = self._ask(self.submit, context, key)
        if job is None:
            raise TaskError(f"{type(self).__name__}.submit() must return what names the job, not None")
        self._keep(key, job)
        self.log.info("submitted %s", self.job_name(job))
        return self._go_on(context, key, job, None)

    def _go_on(
        self, context: Context, key: str, job: Any, status: JobStatus | None, until: float | None = None
    ) -> Any:
        if until is None and self.timeout is not None:
            until = now().timestamp() + self.timeout
        if status is None or status.state == "running":
            if self.deferrable:
                self._defer(key, job, until)
            status = self._wait_here(job, until)
        if status.state == "succeeded":
            return self._ask(self.result, context, job, status)
        self._forget()
        raise TaskError(f"{self.job_name(job)} {_how(status)}")

    def _defer(self, key: str, job: Any, until: float | None) -> NoReturn:
        looks = None if self.poll_interval is None else self._trigger(key, job)
        trigger: BaseTrigger | None = looks
        if self.callback:
            parts: dict[str, BaseTrigger] = {"told": SignalTrigger()}
            trigger = any_of(**parts) if looks is None else any_of(**parts, seen=looks)
        assert trigger is not None
        left = None if until is None else max(until - now().timestamp(), _SHORTEST)
        kwargs = {"key": key, "job": job, "until": until}
        self.defer(trigger, method_name="execute_complete", kwargs=kwargs, timeout=left)

    def _wait_here(self, job: Any, until: float | None) -> JobStatus:
        """Hold the worker until the job has ended."""
        interval, looks, errors = self.poll_interval or 0.0, 0, 0
        ends = None if until is None else monotonic() + until - now().timestamp()
        while True:
            try:
                status = checked_status(self._ask(self.poll, job), self)
            except Exception as error:
                errors += 1
                if isinstance(error, _FINAL) or errors > self.error_budget:
                    raise
                pause = error_pause(interval, errors)
                self.log.warning("a look has failed (%d in a row); again in %g s: %s", errors, pause, error)
            else:
                if status.state != "running":
                    return status
                errors = 0
                looks += 1
                pause = grown_pause(interval, looks, self.poll_backoff, self.max_poll_interval)
            if ends is not None and monotonic() + pause > ends:
                raise DeferralTimeout(f"{self.job_name(job)} has not ended within {self.timeout:g} s")
            sleep(pause)

    def _look(self, look: Callable[..., Any], *args: Any) -> JobStatus | None:
        """One look by `look`; None if it fails and others will follow."""
        try:
            return checked_status(self._ask(look, *args), self)
        except _FINAL:
            raise
        except Exception as error:
            if self.poll_interval is None:
                raise
            self.log.warning("a look has failed: %s", error)
            return None

    @contextmanager
    def _cancelled_in_time(self) -> Generator[None]:
        """A limit in time ends the job as well; where the engine enforces it, the engine sees to that."""
        try:
            yield
        except (TaskTimeout, DeferralTimeout):
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cancel the job, if there is one, and forget it."""
        kept = self._kept()
        if kept is not None:
            self._ask(self._trigger(kept["key"], kept["job"]).on_kill)
            self._forget()

    # --- what is kept of a job ---------------------------------------------------------------------------------

    def _kept(self) -> dict[str, Any] | None:
        """The arguments of the trigger that would wait for the job; None if none has been submitted."""
        return current_runtime().get_task_state("job", self._trigger_class.path())

    def _keep(self, key: str, job: Any) -> None:
        path, arguments = self._trigger(key, job).serialize()
        current_runtime().set_task_state("job", path, arguments)

    def _forget(self) -> None:
        current_runtime().delete_task_state("job", self._trigger_class.path())

    def _trigger(self, key: str, job: Any) -> JobTrigger:
        return self._trigger_class(
            key=key,
            job=job,
            fields=self._fields(),
            interval=self.poll_interval,
            backoff=self.poll_backoff,
            max_interval=self.max_poll_interval or None,
            # Beside a callback looks are the safety net, which stays up.
            max_errors=_NEVER if self.callback else self.error_budget + 1,
        )

    def _fields(self) -> dict[str, Any]:
        """The attributes that go where the job is looked at."""
        names = self.job_fields
        if names is None:
            mine = [name for name in vars(self) if name not in self._inherited and not hasattr(BaseOperator, name)]
            names = [name for name in mine if _is_storable(getattr(self, name))]
        return {"task_id": self.task_id, **{name: getattr(self, name) for name in names}}

    @classmethod
    def rebuilt(cls, fields: Mapping[str, Any]) -> Self:
        """An operator that is good for :meth:`poll`, :meth:`cancel` and :meth:`find`, and nothing else."""
        operator = cls.__new__(cls)
        vars(operator).update(fields, _is_rebuilt=True, logger_name=None)
        return operator

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there.
        cls = type(self).__name__
        if vars(self).get("_is_rebuilt"):
            raise AttributeError(
                f"{cls}.{name} is not known where the job is looked at: only attributes that can be stored are "
                "(with job_fields, only those named there). poll(), cancel() and find() have to make it themselves"
            )
        raise AttributeError(f"{cls!r} object has no attribute {name!r}")

    def _ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call one of the methods above, plain or async, from the worker."""
        import asyncio  # half of what `import bide` may cost; DAG files need none of it
        import inspect

        if inspect.iscoroutinefunction(function):
            return asyncio.run(self._awaited(function(*args)))
        # In this thread, where a timeout or a kill can interrupt it.
        found = function(*args)
        if inspect.isawaitable(found):
            return asyncio.run(self._awaited(found))
        if type(self).cleanup is not JobOperator.cleanup:
            asyncio.run(self.cleanup())
        return found

    async def _awaited(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        finally:
            await self.cleanup()


def submission_key(instance: Any) -> str:
    """The idempotency key of what a try submits, unless it goes on with what an earlier one has."""
    names = (
        instance.id,
        instance.dag_id,
        instance.run_id,
        instance.task_id,
        instance.map_index,
        instance.try_number,
    )
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]


def _how(status: JobStatus) -> str:
    verb = "has failed" if status.state == "failed" else "was cancelled"
    return f"{verb}: {status.message}" if status.message else verb


def _is_storable(value: Any) -> bool:
    try:
        encode(value, what="attribute")
    except NotSerializable:
        return False
    return True
