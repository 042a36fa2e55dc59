"""Thirty tasks that wait for a file, and one that a worker is busy with until the file is there."""

import time
from pathlib import Path

from bide import DAG, BaseOperator, PollTrigger, TriggerEvent, task

PROJECT = Path(__file__).parents[1]
GO = PROJECT / "go"
JOURNAL = PROJECT / "journal"


def note(*words):
    with JOURNAL.open("a") as journal:
        journal.write(" ".join(map(str, words)) + "\n")


class Gate(PollTrigger):
    """Each for itself: they share no looks, so that they may be spread."""

    interval = 0.2

    def serialize(self):
        return f"{__name__}.Gate", {}

    def poll(self):
        return TriggerEvent("open") if GO.exists() else None


class Waits(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Gate(), method_name="go_on")

    def go_on(self, context, event):
        note("resumed", self.task_id)


with DAG("apart", max_active_tasks=64):
    for number in range(30):
        Waits(task_id=f"wait_{number}")


with DAG("busy"):

    @task
    def works():
        note("begun")
        # It stands for work that takes its time; the test ends the worker, or lets it end.
        while not GO.exists():
            time.sleep(0.02)
        return "done"

    works()
