"""Tasks that defer again and again to what is there at once."""

import os

from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent

TIMES = 15


class AtOnce(BaseTrigger):
    def serialize(self):
        return "short_waits.AtOnce", {}

    async def run(self):
        yield TriggerEvent("now")


class Again(BaseOperator):
    """Leaves its process each time just before somebody else goes on with the task."""

    def execute(self, context):
        self.go_on(context, None, 0, [])

    def go_on(self, context, event, count, pids):
        pids = [*pids, os.getpid()]
        if count < TIMES:
            self.defer(AtOnce(), method_name="go_on", kwargs={"count": count + 1, "pids": pids})
        return pids


with DAG("short_waits", default_args={"retries": 1}):
    for number in range(6):
        Again(task_id=f"again_{number}")
