"""How deferral goes wrong elsewhere, with real processes. A key such as K03 is the name of a known failure."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Command, Folder


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_k03_a_process_that_ends_late_harms_no_resumed_task(folder: Folder, isolation: str) -> None:
    """K03: each of 90 waits is over before the process that began it has ended; no task fails, or loses a try."""
    folder.copy(DAG_FILES / "short_waits.py")
    run = folder.dag_run("dags/short_waits.py", BIDE__LOCAL_EXECUTOR__ISOLATION=isolation)
    assert run.state == "success"
    for task in run.tasks.values():
        assert task["tries"] == 1
        assert Counter(task["states"]) == {
            "scheduled": 16,
            "queued": 16,
            "running": 16,
            "deferred": 15,
            "success": 1,
        }
    if isolation == "process":
        pids = run.result("again_0")
        assert len(set(pids)) == len(pids) == 16, "each segment has a process of its own, which has to end"


WATCHING = '''
"""Version 0"""
import asyncio
from pathlib import Path
from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent

HERE = Path(__file__).parents[1]


class Watch(BaseTrigger):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def serialize(self):
        return "watching.Watch", {"name": self.name}

    async def run(self):
        self.note("run")
        while not (HERE / "open").exists():
            await asyncio.sleep(0.02)
        yield TriggerEvent(self.name)

    async def cleanup(self):
        self.note("cleanup")

    def note(self, word):
        with (HERE / "notes").open("a") as notes:
            notes.write(f"{word} {self.name}\\n")


class Wait(BaseOperator):
    def execute(self, context):
        self.defer(Watch(self.task_id), method_name="done")

    def done(self, context, event):
        return event


with DAG("watching", description="version 0"):
    for number in range(3):
        Wait(task_id=f"t{number}")
'''


def notes_of(folder: Folder) -> Counter[str]:
    return Counter((folder.path / "notes").read_text().splitlines())


def test_k21_triggers_run_on_while_their_file_is_parsed_again(folder: Folder) -> None:
    """K21: a new version of a file neither stops nor starts a trigger that somebody waits for."""
    folder.dag("watching", WATCHING)
    (folder.path / "notes").touch()
    with (
        folder.start("standalone", "--port", "0") as server,
        Command(["tail", "-n", "+1", "-f", str(folder.path / "notes")], folder.path, {}) as notes,
    ):
        server.read_until("curl -u")
        assert folder.run("dags", "trigger", "watching", "--run-id", "one").returncode == 0
        notes.read_all("run t0", "run t1", "run t2")
        for number in (1, 2, 3):
            folder.dag("watching", WATCHING.replace("ersion 0", f"ersion {number}"))
            until_described(folder, f"version {number}")
        assert notes_of(folder) == {f"run t{number}": 1 for number in range(3)}
        (folder.path / "open").touch()
        notes.read_all("cleanup t0", "cleanup t1", "cleanup t2")
        assert notes_of(folder) == {f"{word} t{number}": 1 for number in range(3) for word in ("run", "cleanup")}


def until_described(folder: Folder, text: str, dag_id: str = "watching") -> None:
    """Wait until the engine has read the file."""
    for _ in range(200):
        if text in folder.run("dags", "show", dag_id, "-o", "json").stdout:
            return
    raise AssertionError(f"the DAG is never described as {text!r}")


SPEAKING = """
import asyncio
import logging
from pathlib import Path
from bide import DAG, BaseOperator, BaseTrigger, TriggerEvent

GATE = Path(__file__).with_name("gate")


class Speaks(BaseTrigger):
    def __init__(self, name, number):
        super().__init__()
        self.name, self.number = name, number

    def serialize(self):
        return "speaking.Speaks", {"name": self.name, "number": self.number}

    async def run(self):
        say = f"{self.name} trigger {self.number}"
        self.log.info("%s by its log", say)
        logging.getLogger("somebody").warning("%s by a logger", say)
        print(say, "by print")
        await asyncio.create_task(self.aside(f"{say} from a coroutine"))
        await asyncio.to_thread(print, say, "from a thread")
        while not GATE.exists():
            await asyncio.sleep(0.02)
        self.log.info("%s at its end", say)
        yield TriggerEvent(self.number)

    async def aside(self, text):
        await asyncio.sleep(0.01)
        self.log.info(text)


class Speaker(BaseOperator):
    def execute(self, context):
        print(self.task_id, "task 0")
        self.wait(1)

    def wait(self, number):
        self.log.info("%s task defers %d", self.task_id, number)
        self.defer(Speaks(self.task_id, number), method_name="go_on")

    def go_on(self, context, event):
        print(self.task_id, "task", event)
        if event < 3:
            self.wait(event + 1)


with DAG("speaking"):
    for letter in "abcd":
        Speaker(task_id=letter)
"""


def test_k13_task_and_trigger_write_one_log_in_order(folder: Folder) -> None:
    """K13: four tasks and their triggers, which speak at the same time by every means; seen meanwhile."""
    folder.dag("speaking", SPEAKING)
    with folder.start("run", "dags/speaking.py", "-o", "json") as run:
        folder_has_run(folder, "speaking")
        with folder.start("tasks", "logs", "-f", "speaking", "a") as followed:
            followed.read_until("a trigger 1 from a thread")
            (folder.dags / "gate").touch()
            followed.read_until("a task 3")
        assert run.wait() == 0, run.text
    said: list[str] = ["task 0"]
    for number in (1, 2, 3):
        said += [f"task defers {number}"]
        ways = ("by its log", "by a logger", "by print", "from a coroutine", "from a thread", "at its end")
        said += [f"trigger {number} {way}" for way in ways]
        said += [f"task {number}"]
    for name in "abcd":
        log = folder.run("tasks", "logs", "speaking", name).stdout
        spoken = [line.partition(" - ")[2] for line in log.splitlines()]
        assert [text for text in spoken if text[1:6] in (" task", " trig")] == [f"{name} {text}" for text in said]


def folder_has_run(folder: Folder, dag_id: str) -> None:
    """Wait until a run of the DAG is in the store, and its first task has a log."""
    for _ in range(200):
        done = folder.run("tasks", "list", dag_id, "-o", "json")
        if done.returncode == 0 and all(row["state"] == "deferred" for row in done.json):
            return
    raise AssertionError("no run of it begins to wait")


EQUAL = """
from datetime import timedelta
from pathlib import Path
from bide import DAG, BaseOperator, PollTrigger, TriggerEvent

HERE = Path(__file__).parents[1]


class There(PollTrigger):
    interval = 0.5
    share_key = "there"

    def serialize(self):
        return "equal.There", {}

    async def poll(self):
        with (HERE / "notes").open("a") as notes:
            notes.write("look\\n")
        return TriggerEvent("there") if (HERE / "open").exists() else None


class Waits(BaseOperator):
    def execute(self, context):
        self.defer(There(), method_name="done")

    def done(self, context, event):
        return event


with DAG("equal", max_active_tasks=100):
    for number in range(25):
        Waits(task_id=f"t{number}")
"""


def test_k20_twenty_five_equal_waits_are_one_poller(folder: Folder) -> None:
    """K20: while all of them wait there is a look per interval, and the last one serves them all."""
    folder.dag("equal", EQUAL)
    notes = folder.path / "notes"
    notes.touch()
    with (
        folder.start("run", "dags/equal.py") as run,
        Command(["tail", "-n", "+1", "-f", str(notes)], folder.path, {}) as looks,
    ):
        folder_has_run(folder, "equal")
        begun, before = time.monotonic(), notes.read_text().count("look")
        for _ in range(before + 5):
            looks.read_until("look")
        made, took = notes.read_text().count("look") - before, time.monotonic() - begun
        assert made <= took / 0.5 + 2, f"{made} looks in {took:.1f} s"
        (folder.path / "open").touch()
        assert run.wait() == 0, run.text
    assert run.text.count("success") >= 25


POOLED = """
from datetime import timedelta
from bide import DAG, BaseOperator, SignalTrigger, task


class Wait(BaseOperator):
    def execute(self, context):
        self.defer(SignalTrigger("go"), method_name="done")

    def done(self, context, event):
        return event


with DAG("pooled", default_args={"pool": "one"}):
    Wait(task_id="waits", priority_weight=10)

    @task
    def other():
        return "ran"

    other()
"""


@pytest.mark.parametrize("counts", [False, True], ids=["deferred tasks are free", "deferred tasks count"])
def test_k10_a_pool_counts_deferred_tasks_as_it_is_told(folder: Folder, counts: bool) -> None:
    """K10: one slot, a task that waits in it, and another task: that runs meanwhile, or afterwards."""
    folder.dag("pooled", POOLED)
    done = folder.run("pools", "set", "one", "1", "for a test", *(["--include-deferred"] if counts else []))
    assert done.returncode == 0, str(done)
    with folder.start("run", "dags/pooled.py") as run:
        run.read_until("waits deferred")
        if counts:
            assert "other success" not in run.text
        else:
            run.read_until("other success")
        assert folder.run("waits", "signal", "pooled", "waits", "go").returncode == 0
        assert run.wait() == 0


# --- ahead of their parts

PAIR = """
from bide import DAG, Asset, task

numbers = Asset("numbers")

with DAG("producer"):
    @task(outlets=[numbers])
    def make():
        return 1

    make()

with DAG("consumer", schedule=[numbers], max_active_runs=1):
    @task
    def use(triggering_asset_events=None):
        with open(NOTES, "a") as notes:
            for event in triggering_asset_events[numbers]:
                notes.write(f"{event.source_run_id}\\n")

    use()
"""

WATCHER = """
import asyncio
from bide import DAG, Asset, AssetWatcher, BaseEventTrigger, TriggerEvent, task


class Three(BaseEventTrigger):
    def serialize(self):
        return "consumer.Three", {}

    async def run(self):
        with open(NOTES, "a") as notes:
            notes.write("run\\n")
        for number in range(3):
            yield TriggerEvent(number)
        await asyncio.Event().wait()


seen = Asset("seen", watchers=[AssetWatcher(name="w", trigger=Three())])

with DAG("consumer", schedule=[seen], description="version 0"):
    @task
    def use(triggering_asset_events=None):
        with open(NOTES, "a") as notes:
            for event in triggering_asset_events[seen]:
                notes.write(f"event {event.extra['payload']}\\n")

    use()
"""


def asset_folder(folder: Folder, text: str) -> Path:
    notes = folder.path / "notes"
    notes.touch()
    folder.dag("consumer", text.replace("NOTES", repr(str(notes))))
    return notes


def test_k19_each_event_of_an_asset_is_consumed_once(folder: Folder) -> None:
    """K19: by the runs of a consumer that allows one at a time, while the producer runs ten times."""
    notes = asset_folder(folder, PAIR)
    runs = [f"run-{number}" for number in range(10)]
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Command(["tail", "-n", "+1", "-f", str(notes)], folder.path, {}) as noted:
            for run_id in runs:
                assert folder.run("dags", "trigger", "producer", "--run-id", run_id).returncode == 0
            noted.read_all(*runs)
    assert Counter(notes.read_text().split()) == dict.fromkeys(runs, 1)


def test_k21_a_watcher_is_not_started_anew_by_each_parse(folder: Folder) -> None:
    """K21: the trigger that an asset is watched by runs on while the file is parsed again."""
    notes = asset_folder(folder, WATCHER)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Command(["tail", "-n", "+1", "-f", str(notes)], folder.path, {}) as noted:
            noted.read_until("event 2")
            asset_folder(folder, WATCHER.replace("version 0", "version 1"))
            until_described(folder, "version 1", "consumer")
    assert notes.read_text().splitlines().count("run") == 1


def test_k25_every_event_of_a_trigger_can_start_a_run(folder: Folder) -> None:
    """K25: all three events of one trigger reach the consumer, not the first alone."""
    notes = asset_folder(folder, WATCHER)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Command(["tail", "-n", "+1", "-f", str(notes)], folder.path, {}) as noted:
            noted.read_all("event 0", "event 1", "event 2")


MAPPED = """
from datetime import timedelta
from bide import DAG, BaseOperator, StartTriggerArgs, TimeDeltaTrigger


class Starts(BaseOperator):
    start_from_trigger = True

    def __init__(self, *, seconds, **kwargs):
        super().__init__(**kwargs)
        self.seconds = seconds
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="bide.standard.triggers.temporal.TimeDeltaTrigger",
            trigger_kwargs={"delta": timedelta(seconds=seconds)},
            next_method="done",
        )

    def done(self, context, event):
        return self.seconds


with DAG("mapped"):
    Starts.partial(task_id="m").expand(seconds=[0.1, 0.2])
"""


def test_k15_mapped_tasks_start_from_their_trigger(folder: Folder) -> None:
    """K15: each with its own arguments, and with ``__init__`` run."""
    folder.dag("mapped", MAPPED)
    run = folder.dag_run("dags/mapped.py")
    assert sorted(task["xcom"]["return_value"] for task in run.done.json["tasks"]) == [0.1, 0.2]
