"""Functions that wait in the middle. Each notes in a journal what it did, so that what is repeated shows."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bide import (
    DAG,
    BaseTrigger,
    DeferralTimeout,
    PythonOperator,
    TaskSuccessEvent,
    TriggerEvent,
    TriggerFailure,
    any_of,
    gather,
    step,
    step_key,
    task,
    wait,
    within,
)

NOTES = Path(__file__).with_name("notes")
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def note(name, word):
    NOTES.mkdir(exist_ok=True)
    with (NOTES / name).open("a") as notes:
        notes.write(f"{word}\n")
    return word


class Fires(BaseTrigger):
    """Yields `payload`; raises it if it begins with an exclamation mark."""

    def __init__(self, payload):
        super().__init__()
        self.payload = payload

    def serialize(self):
        return f"{__name__}.Fires", {"payload": self.payload}

    async def run(self):
        if str(self.payload).startswith("!"):
            raise ConnectionError(self.payload)
        if self.payload is None:
            await asyncio.Event().wait()
        yield TaskSuccessEvent(xcoms={"by": "trigger"}) if self.payload == "end" else TriggerEvent(self.payload)


def double(number):
    note("double", number)
    return number * 2


def waits(number=1):
    first = wait(Fires(number))
    second = wait(timedelta(milliseconds=20))
    return [first, isinstance(second, datetime)]


with DAG("durable", schedule=None, params={"factor": 3}):

    @task
    def once(params=None):
        note("once", "begins")
        kept = step(double, 21)
        event = wait(Fires({"at": PAST}))
        note("once", "ends")
        return [kept, event, params["factor"]]

    @task
    def loops():
        found = []
        for number in range(5):
            if wait(Fires(number)) % 2:
                found.append(step("square", lambda number=number: number**2))
        return found

    @task
    def moments():
        return [wait(PAST), wait(timedelta(milliseconds=30)) > PAST]

    @task
    def survives_failures():
        answers = []
        try:
            wait(Fires("!broken"))
        except TriggerFailure as error:
            answers.append("broken" in str(error))
        try:
            wait(Fires(None), timeout=0.05)
        except DeferralTimeout as error:
            answers.append("timeout" in str(error))
        return answers

    @task
    def several():
        together = gather(Fires(1), timedelta(milliseconds=10), within(60, Fires("c")))
        first = wait(any_of(never=Fires(None), now=Fires("now")))
        return [together[0], isinstance(together[1], datetime), together[2], first]

    @task
    async def asynchronous():
        async def slow(number):
            await asyncio.sleep(0)
            return note("asynchronous", number)

        numbers = await gather(step(slow, 1), step(slow, 2), wait(Fires(3)))
        return [*numbers, await wait(Fires(4)), await step(double, 50)]

    @task(retries=1, retry_delay=0.01)
    def replays(ti=None):
        key = step("key", step_key)
        step(double, 100)
        event = wait(Fires("kept"))
        if ti.try_number == 1:
            raise ValueError("once")
        return [event, key == step("key again", lambda: key)]

    @task(retries=1, retry_delay=0.01, replay=False)
    def does_not_replay(ti=None):
        step(double, 200)
        wait(Fires(1))
        if ti.try_number == 1:
            raise ValueError("once")

    @task(retries=1, retry_delay=0.01)
    def waits_again_after_failure(ti=None):
        return wait(Fires("!no" if ti.try_number == 1 else "yes"))

    @task
    def ended_by_its_trigger():
        wait(Fires("end"))
        note("ended", "never")

    @task
    def cleans_up():
        try:
            wait(Fires(1))
            return "done"
        finally:
            note("cleans_up", "finally")

    @task
    def frozen(given):
        note("frozen", given)
        wait(Fires(1))
        return given

    @task(execution_timeout=0.4)
    def too_long():
        wait(Fires(None))

    PythonOperator(task_id="operator", python_callable=waits, op_kwargs={"number": 7})

    once()
    loops()
    moments()
    survives_failures()
    several()
    asynchronous()
    replays()
    does_not_replay()
    waits_again_after_failure()
    ended_by_its_trigger()
    cleans_up()
    frozen("{{ macros.random() }}")
    too_long()

with DAG("wrong", schedule=None):

    @task(retries=3)
    def swallows():
        try:
            wait(Fires(1))
        except BaseException:
            return "swallowed"

    @task(retries=3)
    def changes():
        if not (NOTES / "changed").exists():
            note("changed", "now")
            wait(Fires(1), name="before")
        else:
            wait(Fires(2), name="after")

    @task(retries=3)
    def ends_elsewhere():
        if not (NOTES / "ended_elsewhere").exists():
            note("ended_elsewhere", "now")
            wait(Fires(1))

    @task(retries=3)
    def step_and_wait():
        if not (NOTES / "step_and_wait").exists():
            note("step_and_wait", "now")
            step("thing", double, 1)
        else:
            wait(Fires(1), name="thing")
        wait(Fires(1))

    @task(retries=3)
    def too_much():
        step("large", lambda: "x" * (2**20 + 1))

    @task(retries=3)
    def cannot_be_kept():
        step("object", object)

    @task(retries=3)
    def waits_in_a_step():
        step("outer", lambda: wait(Fires(1)))

    @task(retries=3)
    def waits_for_a_word():
        wait("approved")

    swallows()
    changes()
    ends_elsewhere()
    step_and_wait()
    too_much()
    cannot_be_kept()
    waits_in_a_step()
    waits_for_a_word()
