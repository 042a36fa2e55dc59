"""Tasks that wait with secrets, which never stand in a result; files beside say when to go on."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bide import DAG, BaseOperator, PollTrigger, TimerTrigger, TriggerEvent, task

HERE = Path(__file__).parent
TEXT = "s3cr3t-text"


def note(word):
    with (HERE / "notes").open("a") as notes:
        notes.write(word + "\n")


def told(names):
    """What of an environment should not be there."""
    return sorted(name for name, value in names.items() if "FERNET" in name or "STORE__" in name or TEXT in value)


class Vault(PollTrigger):
    """Fires with its password once the file `go` is there."""

    interval = 0.05

    def __init__(self, name, password, go):
        super().__init__()
        self.name, self.password, self.go = name, password, go

    def serialize(self):
        return f"{__name__}.Vault", {"name": self.name, "password": self.password, "go": self.go}

    def poll(self):
        note(f"{self.name} looks")
        if (HERE / self.go).exists():
            return TriggerEvent({"password": self.password, "told": told(os.environ)})
        return None

    async def on_kill(self):
        note(f"{self.name} can't be cancelled")
        raise ConnectionError("the service is gone")

    def describe(self):
        return "the vault"


class Bell(TimerTrigger):
    def __init__(self, text, moment):
        super().__init__()
        self.text, self.moment = text, moment

    @property
    def due_at(self):
        return self.moment

    def event(self):
        return TriggerEvent(self.text)

    def serialize(self):
        return f"{__name__}.Bell", {"text": self.text, "moment": self.moment}


class Wait(BaseOperator):
    def execute(self, context):
        self.defer(
            trigger=Vault(self.task_id, f"{TEXT} of kwargs", f"go-{self.task_id}"),
            method_name="done",
            kwargs={"token": f"{TEXT} of defer"},
        )

    def done(self, context, token, event):
        note(f"{self.task_id} resumed")
        while not (HERE / f"end-{self.task_id}").exists():
            time.sleep(0.02)
        assert (token, event["password"]) == (f"{TEXT} of defer", f"{TEXT} of kwargs")
        return event["told"] + told(os.environ) + PARSED


class Hour(BaseOperator):
    def execute(self, context):
        moment = datetime.now(UTC) + timedelta(hours=1)
        self.defer(trigger=Bell(f"{TEXT} of timer", moment), method_name="done")


PARSED = told(os.environ)

with DAG("secrets"):
    Wait(task_id="vault")

with DAG("hour"):
    Hour(task_id="timer")
    Wait(task_id="job")

with DAG("lost"):
    Wait(task_id="waits")
    Wait(task_id="retried", retries=1, retry_delay=timedelta(0))
    Wait(task_id="resumed")

with DAG("other"):

    @task
    def fine():
        return "fine"

    fine()
