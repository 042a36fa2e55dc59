"""Connections and variables, wherever code of DAG authors looks them up."""

import asyncio

from bide import (
    DAG,
    BaseHook,
    BaseOperator,
    BaseTrigger,
    BashOperator,
    Connection,
    TriggerEvent,
    Variable,
    mask_secret,
    task,
)

NAMES = Variable.get("task_names", default=["made"], deserialize_json=True)
FROM_CONNECTION = BaseHook.get_connection("warehouse").host


class LooksUp(BaseTrigger):
    def __init__(self, conn_id):
        super().__init__()
        self.conn_id = conn_id

    def serialize(self):
        return f"{type(self).__module__}.{type(self).__qualname__}", {"conn_id": self.conn_id}

    async def run(self):
        found = BaseHook.get_connection(self.conn_id)
        print("the trigger knows", found.password)
        await asyncio.sleep(0)
        yield TriggerEvent([found.host, await Variable.async_get("colour")])


class Defers(BaseOperator):
    def execute(self, context):
        self.defer(trigger=LooksUp("warehouse"), method_name="done")

    def done(self, context, event):
        return event


with DAG("looks_up"):
    for name in NAMES:

        @task(task_id=f"named_{name}")
        def named(name=name):
            return [name, FROM_CONNECTION]

        named()

    BashOperator(
        task_id="templates",
        bash_command="echo {{ conn.warehouse.host }}:{{ conn.warehouse.port }} {{ var.value.colour }}"
        " {{ var.json.sizes.small }} {{ var.value.get('nothing', 'fallback') }} {{ conn.get('nothing') }}",
    )

    @task
    def hides():
        import logging

        logging.warning("the password is %s", BaseHook.get_connection("warehouse").password)
        print("the token is", BaseHook.get_connection("warehouse").extra_dejson["api_token"])
        print("the variable is", Variable.get("db_password"))
        mask_secret("told-by-hand")
        print("the rest is told-by-hand, and", Connection.get("from_environment").password)

    @task
    def fails():
        raise ValueError(f"can't log in with {BaseHook.get_connection('warehouse').password}")

    @task
    def changes():
        Variable.set("counter", 5)
        Variable.set("note", {"a": [1]}, serialize_json=True, description="of a task")
        assert Variable.setdefault("counter", 9) == "5"
        Variable.update("counter", 6)
        found = Variable.get("counter"), Variable.get("note", deserialize_json=True)
        return [*found, Variable.delete("counter"), Variable.delete("counter"), Variable.get("counter", None)]

    @task
    def misses():
        return BaseHook.get_connection("nowhere")

    @task
    def returns():
        return {"uri": BaseHook.get_connection("warehouse").get_uri(), "n": [Variable.get("db_password")]}

    hides()
    returns()
    fails()
    changes()
    misses()
    Defers(task_id="trigger")
