"""Mistakes that show only when a task runs, a task for each; and tasks beside them that are right."""

import asyncio
import ctypes
import os
import signal
import socket
import sys
import threading

from bide import DAG, BaseOperator, BaseTrigger, EmptyOperator, PollTrigger, TimerTrigger, TriggerEvent, task


class Fires(BaseTrigger):
    def __init__(self, payload=None):
        super().__init__()
        self.payload = payload

    def serialize(self):
        return f"{__name__}.Fires", {"payload": self.payload}

    async def run(self):
        yield TriggerEvent(self.payload)


class Says(BaseTrigger):
    """``serialize()`` returns what it is told to."""

    def __init__(self, says):
        super().__init__()
        self.says = says

    def serialize(self):
        return self.says

    async def run(self):
        yield TriggerEvent()


class FiresASocket(Fires):
    def serialize(self):
        return f"{__name__}.FiresASocket", {}

    async def run(self):
        yield TriggerEvent({"connections": [socket.socket()]})


class NoGenerator(Fires):
    def serialize(self):
        return f"{__name__}.NoGenerator", {}

    async def run(self):
        return TriggerEvent()


class Picky(Fires):
    """Can be built in a task, but not again."""

    def __init__(self, payload=None):
        super().__init__(payload)
        if not os.environ.get("TOLD_BY_THE_TASK"):
            raise LookupError("TOLD_BY_THE_TASK is not set here")

    def serialize(self):
        return f"{__name__}.Picky", {}


class HasNoTimeToLose(PollTrigger):
    interval = 0

    def serialize(self):
        return f"{__name__}.HasNoTimeToLose", {}

    def poll(self):
        return None


class NaiveMoment(TimerTrigger):
    import datetime

    due_at = datetime.datetime(2026, 3, 29)

    def serialize(self):
        return f"{__name__}.NaiveMoment", {}


class EndsItsProcess(Fires):
    def serialize(self):
        return f"{__name__}.EndsItsProcess", {}

    async def run(self):
        os._exit(9)
        yield


class Waits(Fires):
    def serialize(self):
        return f"{__name__}.Waits", {}

    async def run(self):
        await asyncio.sleep(2)
        yield TriggerEvent("came through")


class Defer(BaseOperator):
    def __init__(self, trigger, method_name="resumed", defer_kwargs=None, environment=None, **kwargs):
        super().__init__(**kwargs)
        self.trigger = trigger
        self.method_name = method_name
        self.defer_kwargs = defer_kwargs
        self.environment = environment

    def execute(self, context):
        os.environ.update(self.environment or {})
        trigger = self.trigger() if self.environment else self.trigger
        self.defer(trigger=trigger, method_name=self.method_name, kwargs=self.defer_kwargs)

    def resumed(self, context, event):
        return event

    def takes_clients(self, context, event, clients):
        return "never called"

    def takes_no_clients(self, context, event):
        return "never called"

    def wants_more(self, context, event, more):
        return "never called"


with DAG("mistakes", schedule=None, default_args={"retries": 1, "retry_delay": 0.05}):
    plug = socket.socket()
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(500):
        deep = [deep]

    Defer(task_id="fine", trigger=Waits())
    Defer(task_id="kwargs", trigger=Fires(), method_name="takes_clients", defer_kwargs={"clients": {"main": plug}})
    Defer(task_id="arguments", trigger=Fires([1, plug]))
    Defer(task_id="event", trigger=FiresASocket())
    Defer(task_id="no_trigger", trigger="in an hour")
    Defer(task_id="a_class", trigger=Fires)
    Defer(task_id="not_a_trigger", trigger=Says(("collections.OrderedDict", {})))
    Defer(task_id="no_class", trigger=Says(("os.path.join", {})))
    Defer(task_id="no_module", trigger=Says(("no_such_package.triggers.Wait", {})))
    Defer(task_id="no_name", trigger=Says(("bide.standard.triggers.file.FileTriger", {})))
    Defer(task_id="no_dots", trigger=Says(("Wait", {})))
    Defer(task_id="no_pair", trigger=Says("bide.standard.triggers.file.FileTrigger"))
    Defer(task_id="other_arguments", trigger=Says(("bide.standard.triggers.file.FileTrigger", {"path": "/tmp"})))
    Defer(task_id="no_generator", trigger=NoGenerator())
    Defer(task_id="picky", trigger=Picky, environment={"TOLD_BY_THE_TASK": "1"})
    Defer(task_id="interval", trigger=HasNoTimeToLose())
    Defer(task_id="naive", trigger=NaiveMoment())
    Defer(task_id="ends_its_process", trigger=EndsItsProcess(), retries=0)
    Defer(task_id="no_method", trigger=Fires(), method_name="resumd")
    Defer(task_id="unknown_argument", trigger=Fires(), method_name="takes_no_clients", defer_kwargs={"clients": 1})
    Defer(task_id="wants_more", trigger=Fires(), method_name="wants_more")
    Defer(task_id="reserved", trigger=Fires(), defer_kwargs={"event": 1})
    BaseOperator(task_id="no_execute")

    @task(retries=0)
    def returns_a_socket():
        return {"rows": [1, 2, {"client": socket.socket()}]}

    @task(retries=0)
    def pushes_a_socket(ti=None):
        ti.xcom_push("connection", (1, socket.socket()))

    @task(retries=0)
    def returns_a_circle():
        return {"loop": loop}

    @task(retries=0)
    def returns_depth():
        return deep

    @task
    def exits():
        sys.exit(3)

    @task
    def exits_at_once():
        os._exit(4)

    @task
    def kills_itself():
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def crashes():
        ctypes.string_at(0)

    @task(retries=0)
    def recurses():
        def again():
            again()

        again()

    @task(retries=0)
    def raises_something_odd():
        class Odd(BaseException):
            def __str__(self):
                raise RuntimeError("no words")

        raise Odd

    @task
    def leaves_a_thread():
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return "done"

    @task
    def closes_its_output():
        os.close(1)
        os.close(2)
        print("into the void")
        return "done"

    tasks = [
        returns_a_socket,
        pushes_a_socket,
        returns_a_circle,
        returns_depth,
        exits,
        exits_at_once,
        kills_itself,
        crashes,
        recurses,
        raises_something_odd,
        leaves_a_thread,
        closes_its_output,
    ]
    for one in tasks:
        one()
    EmptyOperator(task_id="fine_too")
