"""What a task can do with a deferral, a task for each case. Triggers note each run() and cleanup() in a journal."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bide import (
    DAG,
    BaseOperator,
    BaseTrigger,
    DateTimeTrigger,
    FileTrigger,
    PollTrigger,
    PythonOperator,
    TaskDeferred,
    TaskFailedEvent,
    TaskFailure,
    TaskSkipped,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TimeDeltaTrigger,
    TriggerEvent,
    all_of,
    any_of,
    task,
    within,
)

JOURNAL = Path(__file__).with_name("journal")
MOMENT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def note(name, word):
    JOURNAL.mkdir(exist_ok=True)
    with (JOURNAL / name).open("a") as journal:
        journal.write(word + "\n")


class Noted(BaseTrigger):
    """Notes what is done with it under `name`."""

    def __init__(self, name, **arguments):
        super().__init__()
        self.name = name
        self.arguments = arguments

    def serialize(self):
        return f"{__name__}.{type(self).__name__}", {"name": self.name, **self.arguments}

    async def run(self):
        note(self.name, "run")
        async for event in self.events(**self.arguments):
            yield event

    async def cleanup(self):
        note(self.name, "cleanup")


class Fires(Noted):
    async def events(self, payload=None):
        yield TriggerEvent(payload)


class FiresTwice(Noted):
    async def events(self):
        yield TriggerEvent("first")
        yield TriggerEvent("second")


class Fails(Noted):
    async def events(self, text):
        if text:
            raise ConnectionError(text)
        yield TriggerEvent("made it")


class EndsSilently(Noted):
    async def events(self):
        return
        yield


class FailsAfterItsEvent(Noted):
    async def events(self):
        yield TriggerEvent("fine")
        raise ConnectionError("nobody listens any more")


class YieldsSomethingElse(Noted):
    async def events(self):
        yield {"status": "done"}


class Waits(Noted):
    """For ever."""

    async def events(self):
        await asyncio.Event().wait()
        yield TriggerEvent()


class WaitsForSomethingOutside(Waits):
    async def on_kill(self):
        note(self.name, "on_kill")


class CleansUpBadly(Fires):
    async def cleanup(self):
        await super().cleanup()
        raise OSError("cleanup goes wrong")


class Ends(Noted):
    async def events(self, how, xcoms=None):
        events = {"success": TaskSuccessEvent, "failed": TaskFailedEvent, "skipped": TaskSkippedEvent}
        yield events[how](xcoms=xcoms)


class Speaks(Noted):
    async def events(self):
        self.log.info("a word of the trigger")
        yield TriggerEvent(self.task_instance.task_id)


class Looks(PollTrigger):
    """Finds something at the third look; the first one fails."""

    interval = 0.05

    def __init__(self, name):
        super().__init__()
        self.name = name

    def serialize(self):
        return f"{__name__}.{type(self).__name__}", {"name": self.name}

    def poll(self):
        note(self.name, "look")
        looks = (JOURNAL / self.name).read_text().count("look")
        if looks == 1:
            raise ConnectionError("not there for a moment")
        return TriggerEvent(looks) if looks == 3 else None

    async def cleanup(self):
        note(self.name, "cleanup")


class LooksAsynchronously(Looks):
    async def poll(self):
        await asyncio.sleep(0)
        return super().poll()


class LooksInVain(Looks):
    def poll(self):
        note(self.name, "look")
        raise ConnectionError("never there")


class Defer(BaseOperator):
    """Waits for `trigger`, and returns the event."""

    def __init__(self, trigger, timeout=None, method_name="resumed", **kwargs):
        super().__init__(**kwargs)
        self.trigger = trigger
        self.timeout = timeout
        self.method_name = method_name

    def execute(self, context):
        self.defer(trigger=self.trigger, method_name=self.method_name, timeout=self.timeout)

    def resumed(self, context, event):
        return {"type": type(event).__name__, "event": event}


class DeferThreeTimes(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Fires(self.task_id, payload=1), method_name="second", kwargs={"seen": []})

    def second(self, context, event, seen):
        self.defer(trigger=Fires(self.task_id, payload=2), method_name="third", kwargs={"seen": [*seen, event]})

    def third(self, context, event, seen):
        self.defer(TimeDeltaTrigger(milliseconds=20), "last", {"seen": [*seen, event]})

    def last(self, context, event, seen):
        return seen


class DeferByHand(BaseOperator):
    def execute(self, context):
        raise TaskDeferred(
            trigger=TimeDeltaTrigger(timedelta(milliseconds=20)),
            method_name="resumed",
            kwargs={"a": 1},
            timeout=None,
        )

    def resumed(self, context, event, a, b=2):
        return [a, b, context["ti"].task_id, event.tzinfo is not None]


class DeferDeepDown(BaseOperator):
    def execute(self, context):
        try:
            self.down(5)
        except Exception:
            note(self.task_id, "caught as an error")
        finally:
            note(self.task_id, "finally")
        note(self.task_id, "went on")

    def down(self, levels):
        if levels:
            self.down(levels - 1)
        else:
            self.defer(trigger=Fires(self.task_id), method_name="resumed")
        note(self.task_id, "went on")

    def resumed(self, context, event=None):
        return event


class ForgetItself(BaseOperator):
    def execute(self, context):
        self.told = "before"
        self.defer(trigger=Fires(self.task_id), method_name="resumed", kwargs={"first": id(self)})

    def resumed(self, context, event, first):
        return hasattr(self, "told")


class OneEntry(BaseOperator):
    def execute(self, context, event=None):
        if event is None:
            self.defer(trigger=Fires(self.task_id, payload="an event"), method_name="execute")
        return event


class DeferringPython(PythonOperator):
    def execute(self, context):
        before = super().execute(context)
        self.defer(trigger=Fires(self.task_id), method_name="resumed", kwargs={"before": before})

    def resumed(self, context, event, before):
        return before


class ArgumentsOfManyKinds(BaseOperator):
    KINDS = {
        "moment": MOMENT,
        "span": timedelta(hours=1),
        "pair": (1, "two"),
        "set": {1, 2},
        "bytes": b"\x00\xff",
        "path": Path("/tmp/some where"),
        "deep": [{"when": [MOMENT]}],
        "none": None,
    }

    def execute(self, context):
        trigger = Fires(self.task_id, payload=self.KINDS)
        self.defer(trigger=trigger, method_name="resumed", kwargs={"kinds": self.KINDS})

    def resumed(self, context, event, kinds):
        return [event == self.KINDS, kinds == self.KINDS, type(event["pair"]).__name__]


class EndsBadlyAfterwards(BaseOperator):
    def __init__(self, error, **kwargs):
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context):
        self.defer(trigger=Fires(self.task_id), method_name="resumed")

    def resumed(self, context, event):
        raise self.error


class FailsOnce(BaseOperator):
    """Its trigger fails in the first try, and fires in the second."""

    def execute(self, context):
        text = "fails once" if context["ti"].try_number == 1 else ""
        self.defer(trigger=Fails(self.task_id, text=text), method_name="resumed")

    def resumed(self, context, event):
        return [event, context["ti"].try_number]


class SlowAfterwards(BaseOperator):
    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(milliseconds=300), method_name="resumed")

    def resumed(self, context, event):
        signal.pause()


with DAG("deferral", schedule=None) as dag:
    Defer(task_id="timer", trigger=TimeDeltaTrigger(timedelta(milliseconds=50)))
    Defer(task_id="timer_in_the_past", trigger=DateTimeTrigger(MOMENT))
    Defer(task_id="timer_that_ends_it", trigger=DateTimeTrigger(MOMENT, end_from_trigger=True), method_name=None)
    Defer(task_id="stream", trigger=Fires("stream", payload={"status": "done"}))
    Defer(task_id="datetime", trigger=Fires("datetime", payload=MOMENT))
    Defer(task_id="nothing", trigger=Fires("nothing"))
    Defer(task_id="two_events", trigger=FiresTwice("two_events"))
    Defer(task_id="speaks", trigger=Speaks("speaks"))
    Defer(task_id="looks", trigger=Looks("looks"))
    Defer(task_id="looks_asynchronously", trigger=LooksAsynchronously("looks_asynchronously"))
    Defer(task_id="looks_in_vain", trigger=LooksInVain("looks_in_vain"))
    Defer(task_id="file", trigger=FileTrigger(str(JOURNAL / "written"), poke_interval=0.05))
    Defer(task_id="fails", trigger=Fails("fails", text="the service is gone"))
    Defer(task_id="ends_silently", trigger=EndsSilently("ends_silently"))
    Defer(task_id="fails_after_its_event", trigger=FailsAfterItsEvent("fails_after_its_event"))
    Defer(task_id="yields_something_else", trigger=YieldsSomethingElse("yields_something_else"))
    Defer(task_id="cleans_up_badly", trigger=CleansUpBadly("cleans_up_badly"))
    Defer(task_id="without_a_method", trigger=Fires("without_a_method"), method_name=None)
    Defer(task_id="times_out", trigger=WaitsForSomethingOutside("times_out"), timeout=timedelta(milliseconds=300))
    Defer(task_id="executes_too_long", trigger=WaitsForSomethingOutside("executes_too_long"), execution_timeout=0.5)
    soon = TimeDeltaTrigger(timedelta(milliseconds=50))
    Defer(task_id="any_of", trigger=any_of(waits=Waits("any_waits"), fires=Fires("any_fires", payload=7)))
    looks = any_of(looks=Looks("all_looks"), never=Waits("never"))
    Defer(task_id="all_of", trigger=all_of(soon, Fires("all_fires", payload="f"), looks))
    then = TimeDeltaTrigger(timedelta(seconds=3))
    Defer(task_id="any_in_time", trigger=any_of(within(0.05, WaitsForSomethingOutside("late")), then=then))
    Defer(task_id="none_of_any", trigger=any_of(Fails("none_fails", text="gone"), EndsSilently("none_silent")))
    SlowAfterwards(task_id="too_long_in_all", execution_timeout=timedelta(seconds=1))
    long = TimeDeltaTrigger(timedelta(milliseconds=800))
    Defer(task_id="waits_long", trigger=long, execution_timeout=0.5, execution_timeout_counts="work")
    FailsOnce(task_id="fails_once", retries=1, retry_delay=0.05)
    DeferThreeTimes(task_id="three_times")
    DeferByHand(task_id="by_hand")
    DeferDeepDown(task_id="deep_down")
    ForgetItself(task_id="forgets_itself")
    OneEntry(task_id="one_entry")
    DeferringPython(task_id="python", python_callable=lambda: "computed before")
    ArgumentsOfManyKinds(task_id="many_kinds")
    EndsBadlyAfterwards(task_id="raises_afterwards", error=ValueError("wrong after the wait"))
    EndsBadlyAfterwards(task_id="gives_up_afterwards", error=TaskFailure("give up"), retries=3)
    EndsBadlyAfterwards(task_id="skips_afterwards", error=TaskSkipped("not today"))

    @task
    def write_file():
        note("written", f"by {os.getpid()}")

    @task
    def read(ti=None):
        return [ti.xcom_pull(task_ids="ends_well", key="rows"), ti.xcom_pull(task_ids="ends_well", key="when")]

    write_file()
    for name, how, xcoms in [
        ("ends_well", "success", {"rows": 3, "when": MOMENT}),
        ("ends_in_failure", "failed", None),
        ("ends_skipped", "skipped", None),
    ]:
        ending = Defer(task_id=name, trigger=Ends(name, how=how, xcoms=xcoms), method_name=None)
        ending >> Defer(task_id=f"after_{name}", trigger=DateTimeTrigger(MOMENT))
    dag.get_task("ends_well") >> read()
