"""An operator whose waits are all for the same thing; see :mod:`benchmarks.suite.equal_polls`."""

from __future__ import annotations

import time
from pathlib import Path

from bench_tasks import mark

from bide import BaseOperator, PollTrigger, TaskSuccessEvent


class SameFlag(PollTrigger):
    """Notes each look for the file `path`, and ends its task once that is there."""

    interval = 2.0

    def __init__(self, path):
        super().__init__()
        self.path = self.share_key = path

    def serialize(self):
        return "bench_equal.SameFlag", {"path": self.path}

    async def poll(self):
        mark("look", at=time.time())
        return TaskSuccessEvent() if Path(self.path).exists() else None  # a local file: no need of a thread


class WaitTogether(BaseOperator):
    """Waits for the file ``conf["flag"]``, as all others do."""

    def execute(self, context):
        self.defer(trigger=SameFlag(context["dag_run"].conf["flag"]), method_name="unreached")

    def unreached(self, context, event):
        raise RuntimeError("the trigger should have ended this task")
