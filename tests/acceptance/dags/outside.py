"""Tasks with work outside that has to be cancelled when they are, and notes of what was done about it."""

import asyncio
import signal
from pathlib import Path

from bide import DAG, BaseOperator, BaseTrigger, BashOperator, TriggerEvent

NOTES = Path(__file__).with_name("notes")


def note(word):
    with NOTES.open("a") as notes:
        notes.write(word + "\n")


class JobTrigger(BaseTrigger):
    def __init__(self, job):
        super().__init__()
        self.job = job

    def serialize(self):
        return f"{__name__}.JobTrigger", {"job": self.job}

    async def run(self):
        note("run")
        await asyncio.Event().wait()
        yield TriggerEvent()

    async def cleanup(self):
        note("cleanup")

    async def on_kill(self):
        note(f"cancel {self.job}")

    def describe(self):
        return f"job {self.job}"


class BrokenTrigger(JobTrigger):
    def serialize(self):
        return f"{__name__}.BrokenTrigger", {"job": self.job}

    async def on_kill(self):
        note("can't cancel")
        raise ConnectionError("the service is gone")


class RunJob(BaseOperator):
    def __init__(self, trigger=JobTrigger, **kwargs):
        super().__init__(**kwargs)
        self.trigger = trigger

    def execute(self, context):
        self.defer(trigger=self.trigger(self.task_id), method_name="done")

    def done(self, context, event):
        return "done"


class InWorker(BaseOperator):
    def execute(self, context):
        note("begins in worker")
        signal.pause()

    def on_kill(self):
        note("cancel in worker")


with DAG("outside"):
    RunJob(task_id="job") >> RunJob(task_id="never")
    InWorker(task_id="worker")
    BashOperator(task_id="bash", bash_command=f"echo begins in bash >> {NOTES}; exec sleep 456789", retries=2)

with DAG("deferred"):
    RunJob(task_id="job", retries=2)

with DAG("hopeless"):
    RunJob(task_id="job", trigger=BrokenTrigger)
