"""A thousand tasks that wait, each for itself, until a file is there; then they end without a worker."""

import os
from pathlib import Path

from bide import DAG, BaseOperator, PollTrigger, TaskSuccessEvent

GATE = Path(os.environ["BENCH_MARKS"]).with_name("gate")


class Gate(PollTrigger):
    """Trivial, so that looking takes little of the machine."""

    interval = 30.0

    def serialize(self):
        return f"{__name__}.Gate", {}

    async def poll(self):
        return TaskSuccessEvent() if os.access(GATE, os.F_OK) else None


class WaitForGate(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Gate())


with DAG("gate", max_active_tasks=100_000, max_active_runs=1000):
    for number in range(1000):
        WaitForGate(task_id=f"wait_{number:04}")
