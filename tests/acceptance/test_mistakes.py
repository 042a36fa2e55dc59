"""Mistakes that show when a task runs: each fails its own task, with the reason in its log, and harms no other."""

from __future__ import annotations

from typing import Final

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

#: What the log has to say, by task.
WRONG_DEFERRALS: Final = {
    "kwargs": "NotSerializable: defer(kwargs=)['clients']['main'] is a socket.socket, which can't be stored",
    "arguments": "NotSerializable: arguments of trigger Fires['payload'][1] is a socket.socket",
    "no_trigger": "trigger must be an instance of a BaseTrigger, not 'in an hour'",
    "a_class": "trigger must be an instance, not the class Fires: write Fires(...)",
    "not_a_trigger": "trigger class 'collections.OrderedDict' is no trigger: it must derive from BaseTrigger",
    "no_class": "trigger class 'os.path.join' is no class",
    "no_module": "trigger class 'no_such_package.triggers.Wait' can't be imported: ModuleNotFoundError",
    "no_name": "the module bide.standard.triggers.file has no 'FileTriger'",
    "no_dots": "trigger class 'Wait' must have its module in front",
    "no_pair": "Says.serialize() must return (class path, dict of arguments), not a value of type str",
    "other_arguments": "FileTrigger can't be built again from what serialize() returned: missing a required",
    "interval": "HasNoTimeToLose.interval must be a number of seconds above 0, not 0",
    "naive": "NaiveMoment.due_at must be a datetime with a time zone, not datetime.datetime(2026, 3, 29, 0, 0)",
    "no_method": "Defer has no method 'resumd' to be resumed at; did you mean 'resumed'?",
    "unknown_argument": "write it as def takes_no_clients(self, context, event, clients)",
    "wants_more": "Defer.wants_more() needs 'more', which kwargs= does not give",
    "reserved": "kwargs can't have 'event': the resumed method gets that anyway",
}
WRONG_TRIGGERS: Final = {
    "event": "Trigger failed: NotSerializable: event of FiresASocket['connections'][0] is a socket.socket",
    "no_generator": "NoGenerator.run() must be an async generator: write 'async def run(self)'",
    "picky": "Picky can't be built: LookupError: TOLD_BY_THE_TASK is not set here",
    "ends_its_process": "this trigger's process ended 3 times",
}
WRONG_VALUES: Final = {
    "returns_a_socket": "return value['rows'][2]['client'] is a socket.socket, which can't be stored",
    "pushes_a_socket": "XCom connection[1] is a socket.socket, which can't be stored",
    "returns_a_circle": "return value['loop'][0] contains itself",
    "returns_depth": "nested more than 200 deep",
}
WRONG_ENDS: Final = {
    "exits": "SystemExit: the code called sys.exit(3)",
    "exits_at_once": "the worker process exited with code 4",
    "kills_itself": "the worker process died with signal 9 (SIGKILL)",
    "crashes": "the worker process died with signal 11 (SIGSEGV)",
    "recurses": "RecursionError: maximum recursion depth exceeded",
    "raises_something_odd": "Odd: (its text can't be shown: RuntimeError in __str__)",
    "no_execute": "BaseOperator has no execute(self, context)",
}


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("mistakes.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/mistakes.py", code=1)


@pytest.mark.parametrize("task_id", WRONG_DEFERRALS)
def test_a_deferral_that_can_not_be_fails_at_once_and_names_its_line(
    run: DagRun, shared: Folder, task_id: str
) -> None:
    assert run.states(task_id) == "scheduled queued running failed"
    assert WRONG_DEFERRALS[task_id] in run.log(task_id)
    assert f'File "{shared.dags}/mistakes.py", line ' in run.log(task_id)
    assert "self.defer(" in run.log(task_id)


@pytest.mark.parametrize("task_id", WRONG_TRIGGERS)
def test_a_trigger_that_is_wrong_fails_its_task(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "failed"
    assert run.tasks[task_id]["states"][-2] == "deferred"
    assert WRONG_TRIGGERS[task_id] in run.log(task_id)


@pytest.mark.parametrize("task_id", WRONG_VALUES)
def test_a_value_that_can_not_be_stored_is_named_with_its_path(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "failed"
    assert WRONG_VALUES[task_id] in run.log(task_id)
    assert run.tasks[task_id]["xcom"] == {}


@pytest.mark.parametrize("task_id", WRONG_ENDS)
def test_a_task_that_ends_badly_says_how(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "failed"
    assert run.log(task_id).count(WRONG_ENDS[task_id]) in (1, 2)


def test_retries_are_for_what_may_go_better_the_next_time(run: DagRun) -> None:
    tries = {task_id: task["tries"] for task_id, task in run.tasks.items()}
    assert {tries[task_id] for task_id in ("exits", "exits_at_once", "kills_itself", "crashes", "event")} == {2}
    assert {tries[task_id] for task_id in WRONG_DEFERRALS} == {1}


def test_tracebacks_have_no_frames_of_bide_around_the_code_of_the_task(run: DagRun) -> None:
    for task_id in (*WRONG_DEFERRALS, *WRONG_VALUES, "exits"):
        if task_id != "no_module":  # there the import is shown
            assert "/bide/" not in run.log(task_id), run.log(task_id)


def test_the_others_are_unharmed(run: DagRun) -> None:
    assert run.result("fine") == "came through"
    assert run.result("leaves_a_thread") == run.result("closes_its_output") == "done"
    expected = {*WRONG_DEFERRALS, *WRONG_TRIGGERS, *WRONG_VALUES, *WRONG_ENDS}
    assert {task_id for task_id in run.tasks if run.end(task_id) != "success"} == expected


def test_the_reason_is_shown_with_the_task(shared: Folder, run: DagRun) -> None:
    rows = {row["task_id"]: row for row in shared.ask("tasks", "list", "mistakes")}
    for task_id, words in [*WRONG_DEFERRALS.items(), *WRONG_VALUES.items()]:
        assert words[-30:] in rows[task_id]["error"]
    assert rows["fine"]["error"] is None
