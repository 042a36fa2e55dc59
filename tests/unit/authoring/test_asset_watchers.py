"""Watchers in DAG files, and what the engine is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bide import (
    DAG,
    Asset,
    AssetWatcher,
    BaseEventTrigger,
    EmptyOperator,
    EveryTrigger,
    HttpChangeTrigger,
    TimeDeltaTrigger,
    TriggerEvent,
)
from bide.authoring.loading import LoadedFile
from bide.model.errors import InvalidArgument
from bide.model.values import decode
from bide.runner.asset_watchers import watchers_of
from bide.wire.parser_messages import WatcherSpec


class Queue(BaseEventTrigger):
    def __init__(self, topic: str, group: str = "g") -> None:
        super().__init__()
        self.topic, self.group = topic, group

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ["topic", "group"] if self.topic < "m" else ["group", "topic"]
        return f"{__name__}.Queue", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(self.topic)


def no_file() -> LoadedFile:
    raise AssertionError("the class is found without the DAG file")


def told_of(dag: DAG) -> list[WatcherSpec]:
    return watchers_of(dag, "/dags/d.py", no_file)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AssetWatcher("", Queue("t")), "the name of a watcher must be 1 to 250 printable characters"),
        (lambda: AssetWatcher("w", "t"), "watcher 'w' needs a trigger to watch with, not 't'"),
        (
            lambda: Asset("a", watchers=[AssetWatcher("w", TimeDeltaTrigger(timedelta(1)))]),
            "asset 'a': watcher 'w' has a TimeDeltaTrigger, which is a timer and has one event; watch with",
        ),
        (
            lambda: Asset("a", watchers=[AssetWatcher("w", Queue("t")), AssetWatcher("w", Queue("u"))]),
            "asset 'a' has two watchers called 'w'",
        ),
    ],
)
def test_what_cannot_watch_is_refused(make: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        make()


def test_the_engine_is_told_of_all_watchers_that_a_dag_names() -> None:
    made = Asset("made", watchers=[AssetWatcher("m", Queue("a"))])
    seen = Asset("seen", "s3://seen", watchers=[AssetWatcher("w", Queue("z")), AssetWatcher("v", Queue("b"))])
    with DAG("d", schedule=seen | Asset("plain")) as dag:
        EmptyOperator(task_id="e", outlets=[made], inlets=[seen])
    found = told_of(dag)
    assert [(one.dag_id, one.asset_name, one.asset_uri, one.name) for one in found] == [
        ("d", "made", "made", "m"),
        ("d", "seen", "s3://seen", "v"),
        ("d", "seen", "s3://seen", "w"),
    ]
    assert {one.trigger.kind for one in found} == {"stream"}
    assert [list(decode(one.trigger.kwargs)) for one in found] == [["group", "topic"]] * 3, "in one order"


def test_a_dag_is_watched_by_itself() -> None:
    with DAG("d", schedule=AssetWatcher("queue", Queue("t"))) as dag, DAG("e", schedule=EveryTrigger(60)) as other:
        pass
    assert dag.schedule == Asset("d/queue") and other.schedule == Asset("e/trigger")
    (one,), (two,) = told_of(dag), told_of(other)
    assert (one.asset_name, one.name, two.asset_name, two.name) == ("d/queue", "queue", "e/trigger", "trigger")


def test_watchers_share_with_equal_watchers() -> None:
    def group(url: str) -> str | None:
        watcher = AssetWatcher("w", HttpChangeTrigger(url, poke_interval=5))
        with DAG("d", schedule=Asset(url, watchers=[watcher])) as dag:
            pass
        (found,) = told_of(dag)
        assert (found.trigger.kind, found.trigger.interval) == ("poll", 5.0)
        return found.trigger.group_key

    assert group("http://one") == group("http://one") != group("http://two")


def test_a_trigger_that_cannot_be_built_again_is_refused() -> None:
    class Local(Queue):
        def serialize(self) -> tuple[str, dict[str, Any]]:
            return f"{__name__}.Queue", {"subject": "t"}

    with DAG("d", schedule=Asset("a", watchers=[AssetWatcher("w", Local("t"))])) as dag:
        pass
    with pytest.raises(InvalidArgument, match="watcher 'w' of asset 'a': Queue can't be built again"):
        told_of(dag)
