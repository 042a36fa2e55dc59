"""Values that are more than JSON, from task to task in processes of their own."""

import dataclasses
import enum
from typing import NamedTuple

import msgspec
from pydantic import BaseModel

from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent, task


class Colour(enum.Enum):
    RED = "red"


class Row(NamedTuple):
    id: int
    colour: Colour


@dataclasses.dataclass
class Table:
    rows: list[Row]


class Model(BaseModel):
    table: Table


class Fires(BaseTrigger):
    def __init__(self, row):
        super().__init__()
        self.row = row

    def serialize(self):
        return f"{type(self).__module__}.{type(self).__qualname__}", {"row": self.row}

    async def run(self):
        yield TriggerEvent(self.row)


class Defers(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Fires(Row(2, Colour.RED)), method_name="done")

    def done(self, context, event):
        return [type(event).__name__, event.colour is Colour.RED]


with DAG("objects"):

    @task
    def make():
        return Model(table=Table([Row(1, Colour.RED)]))

    @task
    def use(model):
        return [type(model).__name__, type(model.table).__name__, model.table.rows[0].colour is Colour.RED]

    @task
    def refused():
        return {"why": msgspec.json.Encoder, "a": 1}

    use(make())
    Defers(task_id="defers")
    refused()
