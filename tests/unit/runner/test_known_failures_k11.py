"""What is looked up inside a trigger deadlocks or fails elsewhere (K11); here it is answered where it is asked."""

from __future__ import annotations

import msgspec
import pytest

from bide.model.connection_fields import ConnectionFields
from bide.model.values import encode
from bide.wire.lookups import ConnectionFound, GetConnection, GetVariable, Lookup, VariableFound
from bide.wire.messages import AnyMessage, Frame, Ping, Pong, PullXCom, Refused, TriggerEnded, XComs, XComValue
from tests.unit.runner.trigger_harness import TRIGGERS, Triggers

ASKING = """
    class Pulls(Noted):
        async def run(self):
            yield TriggerEvent(self.task_instance.xcom_pull("up", key="k"))

    class PullsMany(Noted):
        async def run(self):
            ti = self.task_instance
            found = await asyncio.gather(*(ti.async_xcom_pull("up", key=key) for key in "abc"))
            yield TriggerEvent(found)

    class PullsInPoll(PollTrigger):
        def __init__(self, plain): self.plain = plain
        def serialize(self): ...
        def poll(self):
            return TriggerEvent(self.task_instance.xcom_pull(["up", "up2"], default=5))

    class PullsInAsyncPoll(PullsInPoll):
        async def poll(self):
            return TriggerEvent(self.task_instance.xcom_pull(key="own"))

    class PullsInInit(Noted):
        def __init__(self, **kwargs):
            from bide.authoring.runtime import current_runtime
            self.found = current_runtime().pull_xcoms(["up"], "k")[0].value
        async def run(self):
            yield TriggerEvent(self.found)
"""


@pytest.fixture
def asking(triggers: Triggers) -> Triggers:
    """With triggers in the DAG file that ask."""
    triggers.project.dag(TRIGGERS + ASKING, "waits.py")
    return triggers


def question(triggers: Triggers) -> tuple[Frame, PullXCom]:
    """The next question of a trigger."""
    frame = triggers.runner.channel.receive()
    assert isinstance(frame.body, PullXCom), frame
    assert frame.instance == "i1"
    assert frame.epoch == 7
    return frame, frame.body


def reply(triggers: Triggers, frame: Frame, **values: object) -> None:
    """Answer it with these values, by task."""
    found = [XComValue(task_id, -1, "k", encode(value, what="value")) for task_id, value in values.items()]
    triggers.runner.channel.send(XComs(tuple(found)), request=frame.request)


@pytest.mark.parametrize("in_threads", [False, True])
@pytest.mark.parametrize("name", ["Pulls", "PullsInInit"])
def test_k11_a_plain_lookup_in_a_coroutine_is_answered(asking: Triggers, name: str, in_threads: bool) -> None:
    """K11: other messages that come in between are not lost."""
    load = asking.load(name)
    asking.arm(msgspec.structs.replace(load, epoch=7), in_threads=in_threads)
    frame, body = question(asking)
    assert (body.task_ids, body.key) == (("up",), "k")
    asking.runner.send(Ping(1))
    other = asking.load("Fires", other=True)
    asking.arm(other)
    reply(asking, frame, up=[1, 2])
    said = [asking.runner.receive() for _ in range(3)]
    assert Pong in [type(body) for body in said]
    ended = {body.wait_id: body for body in said if isinstance(body, TriggerEnded)}
    assert ended[load.wait_id].outcome is not None
    assert ended[load.wait_id].outcome.payload == encode([1, 2], what="payload")
    assert ended[other.wait_id].outcome is not None


def test_k11_awaited_lookups_hold_up_nobody(asking: Triggers) -> None:
    """K11"""
    load = asking.load("PullsMany")
    asking.arm(msgspec.structs.replace(load, epoch=7))
    frames = {body.key: frame for frame, body in (question(asking) for _ in range(3))}
    asking.runner.send(Ping(1))
    assert asking.get(Pong) == Pong(1, 1), "while three questions are open"
    for number, key in enumerate("cba"):
        reply(asking, frames[key], up=number)
    assert asking.event(load) == [2, 1, 0]


@pytest.mark.parametrize(
    ("name", "asked", "answer", "event"),
    [
        ("PullsInPoll", ("up", "up2"), {"up2": "x"}, [5, "x"]),
        ("PullsInAsyncPoll", ("t",), {"t": "own"}, "own"),
    ],
)
def test_k11_polls_of_both_kinds_may_ask(
    asking: Triggers, name: str, asked: tuple[str, ...], answer: dict[str, object], event: object
) -> None:
    """K11"""
    load = asking.load(name, plain=True, interval=60.0)
    asking.arm(msgspec.structs.replace(load, epoch=7))
    frame, body = question(asking)
    assert body.task_ids == asked
    reply(asking, frame, **answer)
    assert asking.event(load) == event


def test_k11_a_look_for_several_asks_on_behalf_of_the_first(asking: Triggers) -> None:
    """K11, K20"""
    one, two = (asking.load("PullsInAsyncPoll", plain=False, interval=60.0, group_key="same") for _ in range(2))
    asking.arm(*(msgspec.structs.replace(load, epoch=7) for load in (one, two)))
    frame, _ = question(asking)
    reply(asking, frame, t="own")
    assert {asking.get(TriggerEnded).wait_id for _ in range(2)} == {one.wait_id, two.wait_id}


def test_k11_a_refused_lookup_fails_the_trigger_that_asked(asking: Triggers) -> None:
    """K11, K04"""
    load = asking.load("Pulls")
    asking.arm(msgspec.structs.replace(load, epoch=7))
    frame, _ = question(asking)
    asking.runner.channel.send(Refused("the task instance has moved on", fenced=True), request=frame.request)
    assert asking.error(load) == "TaskError: XCom 'k' can't be pulled: the task instance has moved on"


def test_k11_a_lookup_without_an_answer_ends_in_time_and_the_loop_goes_on(asking: Triggers) -> None:
    """K11: it never deadlocks."""
    load = asking.load("Pulls")
    asking.arm(msgspec.structs.replace(load, epoch=7))
    frame, _ = question(asking)
    error = asking.error(load)
    assert error.startswith("TimeoutError: the engine did not answer within 1 s.")
    assert "async_xcom_pull()" in error
    reply(asking, frame, up="too late")
    assert asking.settle() == 0


LOOKING = """
    from bide import BaseHook, Variable

    class UsesConnection(Noted):
        async def run(self):
            found = BaseHook.get_connection(self.kwargs["my_conn_id"])
            print("password is", found.password)
            yield TriggerEvent(found.host)

    class UsesVariable(Noted):
        async def run(self):
            yield TriggerEvent([Variable.get("colour", default="none"), Variable.get("colour", default="none")])

    class Awaits(Noted):
        async def run(self):
            found = await BaseHook.aget_connection("awaited")
            yield TriggerEvent([found.port, await Variable.async_get("colour")])

    class SetsVariable(Noted):
        async def run(self):
            Variable.set("a", "b")
            yield
"""


@pytest.fixture
def looking(triggers: Triggers) -> Triggers:
    """With triggers in the DAG file that look up connections and variables."""
    triggers.project.dag(TRIGGERS + LOOKING, "waits.py")
    return triggers


def answer(triggers: Triggers, question: Lookup, reply: AnyMessage) -> None:
    """Wait for this question, and answer it."""
    frame = triggers.runner.channel.receive()
    assert frame.body == question
    triggers.runner.channel.send(reply, request=frame.request)


@pytest.mark.parametrize("in_threads", [False, True])
def test_k11_a_connection_that_its_arguments_name_is_there_before_the_trigger_asks(
    looking: Triggers, in_threads: bool
) -> None:
    """K11: the loop waits for nobody, and the password is masked in the log."""
    load = looking.load("UsesConnection", my_conn_id="warehouse")
    looking.arm(load, in_threads=in_threads)
    found = ConnectionFound(ConnectionFields("postgres", host="h", password="hunter22"))
    answer(looking, GetConnection("warehouse"), found)
    if in_threads:
        answer(looking, GetConnection("warehouse"), found)
    assert looking.event(load) == "h"
    log = looking.project.log(load)
    assert "password is ***" in log and "hunter22" not in log
    other = looking.load("UsesConnection", my_conn_id="warehouse")
    if not in_threads:
        looking.arm(other)
        assert looking.event(other) == "h", "nothing was asked again"


def test_k11_a_plain_lookup_of_a_variable_in_a_coroutine_is_answered(looking: Triggers) -> None:
    """K11: and the same a moment later asks nobody."""
    load = looking.load("UsesVariable")
    looking.arm(load)
    answer(looking, GetVariable("colour"), VariableFound("red"))
    assert looking.event(load) == ["red", "red"]


def test_k11_lookups_may_be_awaited(looking: Triggers) -> None:
    """K11"""
    load = looking.load("Awaits")
    looking.arm(load)
    answer(looking, GetConnection("awaited"), ConnectionFound(ConnectionFields(port=5)))
    answer(looking, GetVariable("colour"), VariableFound("red"))
    assert looking.event(load) == [5, "red"]


def test_k11_a_connection_that_is_not_there_says_so(looking: Triggers) -> None:
    """K11, K04"""
    load = looking.load("UsesConnection", my_conn_id="nowhere")
    looking.arm(load)
    answer(looking, GetConnection("nowhere"), ConnectionFound(None))
    assert looking.error(load).startswith(
        "ConnectionNotFound: the connection 'nowhere' isn't defined: set BIDE_CONN_"
    )


def test_k11_only_tasks_set_variables(looking: Triggers) -> None:
    """K11"""
    load = looking.load("SetsVariable")
    looking.arm(load)
    assert "the variable 'a' can't be set here: only a running task may do that" in looking.error(load)
