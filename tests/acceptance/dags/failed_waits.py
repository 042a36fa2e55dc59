"""Tasks that make something of a wait that has failed."""

import asyncio
from datetime import timedelta

from airflow.exceptions import TaskDeferralError, TaskDeferralTimeout
from airflow.models.trigger import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


class Waits(BaseTrigger):
    """For ever, unless it is told what to raise, or to yield."""

    def __init__(self, raises=None, yields=None):
        super().__init__()
        self.raises = raises
        self.yields = yields

    def serialize(self):
        return f"{__name__}.Waits", {"raises": self.raises, "yields": self.yields}

    async def run(self):
        if self.raises:
            raise ConnectionError(self.raises)
        if self.yields:
            yield TriggerEvent(self.yields)
        await asyncio.Event().wait()


class Patient(BaseOperator):
    """Defers again after each failure, up to twice, and says what happened."""

    def __init__(self, raises=None, timeout=None, **kwargs):
        super().__init__(**kwargs)
        self.raises = raises
        self.wait_timeout = timeout

    def execute(self, context):
        self.wait([])

    def wait(self, seen):
        self.defer(trigger=Waits(self.raises), method_name="done", kwargs={"seen": seen}, timeout=self.wait_timeout)

    def done(self, seen):
        raise AssertionError("its trigger never fires")

    def resume_execution(self, next_method, next_kwargs, context):
        assert next_method == TRIGGER_FAIL_REPR
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            assert next_kwargs["error"] == TriggerFailureReason.TRIGGER_TIMEOUT
            why = "timeout"
        except TaskDeferralError as error:
            assert next_kwargs["error"] == TriggerFailureReason.TRIGGER_FAILURE
            why = str(error)
        seen = [*next_kwargs["kwargs"]["seen"], why]
        if len(seen) < 2:
            self.wait(seen)
        return seen


class Logs(BaseOperator):
    """Looks at the error, and leaves it at that."""

    def execute(self, context):
        self.defer(trigger=Waits("gone"), method_name="done")

    def done(self):
        raise AssertionError("its trigger never fires")

    def resume_execution(self, next_method, next_kwargs, context):
        self.log.info("its wait has failed in try %d", context["ti"].try_number)
        return super().resume_execution(next_method, next_kwargs, context)


class Sensor(BaseSensorOperator):
    def __init__(self, raises=None, yields=None, **kwargs):
        super().__init__(**kwargs)
        self.trigger = Waits(raises, yields)
        # Only what waits for ever is to be late, also on a busy machine.
        self.wait_timeout = timedelta(seconds=600 if raises or yields else 0.3)

    def execute(self, context):
        self.defer(trigger=self.trigger, method_name="done", timeout=self.wait_timeout)

    def done(self, context, event):
        raise TaskDeferralError(event)


class Watchful(Sensor):
    def resume_execution(self, next_method, next_kwargs, context):
        self.log.info("it goes on at %s", next_method)
        return super().resume_execution(next_method, next_kwargs, context)


with DAG("failed_waits", schedule=None, default_args={"retry_delay": 0}):
    Patient(task_id="broken", raises="gone")
    Patient(task_id="late", timeout=timedelta(seconds=0.2))
    Logs(task_id="logs", retries=1)
    for cls, name in ((Sensor, "sensor"), (Watchful, "watchful")):
        cls(task_id=f"{name}_late", retries=2)
        cls(task_id=f"{name}_late_and_soft", soft_fail=True)
        cls(task_id=f"{name}_broken", raises="gone", retries=1)
        cls(task_id=f"{name}_broken_and_soft", raises="gone", soft_fail=True)
        cls(task_id=f"{name}_judges", yields="the job has failed")
        cls(task_id=f"{name}_judges_softly", yields="the job has failed", soft_fail=True)
