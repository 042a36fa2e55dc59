"""Tasks that are cleared and marked; they note what they do."""

import asyncio
from pathlib import Path

from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent, task

HERE = Path(__file__).parent
NOTES = HERE / "notes"


def note(word):
    with NOTES.open("a") as notes:
        notes.write(word + "\n")


class JobTrigger(BaseTrigger):
    """Waits for a job that never ends, and can't be cancelled while there is a file ``down``."""

    def __init__(self, job):
        super().__init__()
        self.job = job

    def serialize(self):
        return f"{__name__}.JobTrigger", {"job": self.job}

    async def run(self):
        note(f"watch {self.job}")
        await asyncio.Event().wait()
        yield TriggerEvent()

    async def cleanup(self):
        note(f"cleanup {self.job}")

    async def on_kill(self):
        if (HERE / "down").exists():
            note(f"can't cancel {self.job}")
            raise ConnectionError("the service is down")
        note(f"cancel {self.job}")


class Job(BaseOperator):
    """The first try waits, the second is done at once."""

    def execute(self, context):
        number = context["ti"].try_number
        note(f"submit {number}")
        if number == 1:
            self.defer(trigger=JobTrigger(number), method_name="done")

    def done(self, context, event):
        return event


with DAG("load"):

    @task
    def extract():
        return 1

    @task
    def load(value):
        if not (HERE / "mended").exists():
            raise ValueError("the table is not there")
        return value + 1

    @task
    def report(value):
        return value

    report(load(extract()))

with DAG("job"):
    Job(task_id="job")

with DAG("hasty"):
    Job(task_id="job", cancel_timeout=0.5)
