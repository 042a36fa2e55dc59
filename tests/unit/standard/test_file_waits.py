import datetime as dt
import json

import pytest

from bide.authoring.deferral import TaskDeferred
from bide.authoring.trigger import TriggerEvent, trigger_kind
from bide.model.errors import ConnectionNotFound, InvalidArgument, SensorTimeout, TaskError, TaskSkipped
from bide.standard.files import find_file
from bide.standard.sensors.file import FileSensor
from bide.standard.triggers.file import FileTrigger


def test_a_file_is_found_by_name_and_pattern(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    file = tmp_path / "deep" / "er" / "a.csv"
    assert find_file(str(file)) is None
    file.touch()
    assert find_file(str(file)) == file
    assert find_file(str(tmp_path / "*.csv")) is None
    assert find_file(str(tmp_path / "deep" / "er" / "?.csv")) == file
    assert find_file(str(tmp_path / "**" / "*.csv")) is None
    assert find_file(str(tmp_path / "**" / "*.csv"), recursive=True) == file


def test_a_folder_counts_once_it_has_a_file(tmp_path):
    folder = tmp_path / "incoming" / "today"
    folder.mkdir(parents=True)
    assert find_file(str(tmp_path / "incoming")) is None
    (folder / "x").touch()
    assert find_file(str(tmp_path / "incoming")) == folder / "x"


def test_the_trigger_is_a_poll_that_serialises(tmp_path):
    trigger = FileTrigger(str(tmp_path / "x"), recursive=True, poke_interval=dt.timedelta(seconds=3))
    path, kwargs = trigger.serialize()
    again = FileTrigger(**kwargs)
    assert trigger_kind(FileTrigger) == "poll"
    assert path == "bide.standard.triggers.file.FileTrigger"
    assert (again.filepath, again.recursive, again.interval) == (str(tmp_path / "x"), True, 3.0)
    assert again.poll() is None
    (tmp_path / "x").touch()
    assert again.poll() == TriggerEvent(True)


async def test_the_trigger_runs_without_an_engine(tmp_path):
    (tmp_path / "x").touch()
    assert [event async for event in FileTrigger(str(tmp_path / "x")).run()] == [TriggerEvent(True)]


def test_a_sensor_that_finds_its_file_does_not_defer(tmp_path, context_of, runtime):
    (tmp_path / "x").touch()
    for deferrable in (True, False):
        sensor = FileSensor(task_id="s", filepath=tmp_path / "x", deferrable=deferrable)
        assert sensor.execute(context_of(sensor)) is None


def test_a_sensor_defers_to_the_trigger_with_what_is_left_of_its_timeout(tmp_path, context_of, runtime):
    sensor = FileSensor(task_id="s", filepath=str(tmp_path / "x"), deferrable=True, poke_interval=7, timeout=60)
    runtime.moment += dt.timedelta(seconds=20)
    with pytest.raises(TaskDeferred) as raised:
        sensor.execute(context_of(sensor))
    deferred = raised.value
    assert deferred.trigger.serialize()[1] == {
        "filepath": str(tmp_path / "x"),
        "recursive": False,
        "poke_interval": 7.0,
    }
    assert deferred.method_name == "execute_complete"
    assert deferred.timeout_seconds == 40
    assert sensor.execute_complete(context_of(sensor), event=True) is None


def test_an_event_that_says_no_fails_the_sensor(context_of):
    sensor = FileSensor(task_id="s", filepath="/x")
    with pytest.raises(TaskError, match="/x"):
        sensor.execute_complete(context_of(sensor), event=False)


@pytest.mark.parametrize(("soft_fail", "error"), [(False, SensorTimeout), (True, TaskSkipped)])
def test_a_blocking_sensor_times_out(tmp_path, context_of, runtime, soft_fail, error):
    sensor = FileSensor(
        task_id="s",
        filepath=str(tmp_path / "x"),
        deferrable=False,
        mode="reschedule",
        timeout=5,
        soft_fail=soft_fail,
    )
    runtime.moment += dt.timedelta(seconds=6)
    with pytest.raises(error):
        sensor.execute(context_of(sensor))


def test_a_relative_path_is_in_the_folder_of_the_connection(context_of, tmp_path, monkeypatch):
    (tmp_path / "x").touch()
    monkeypatch.setenv("BIDE_CONN_NAS", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path)}}))
    sensor = FileSensor(task_id="s", filepath="x", fs_conn_id="nas")
    assert sensor.poke(context_of(sensor))
    assert not FileSensor(task_id="t", filepath="y", fs_conn_id="nas").poke(context_of(sensor))
    with pytest.raises(ConnectionNotFound, match="nosuch"):
        FileSensor(task_id="u", filepath="x", fs_conn_id="nosuch").poke(context_of(sensor))
    assert FileSensor(task_id="v", filepath="x").path == "x"


def test_no_path_at_all_is_refused():
    with pytest.raises(InvalidArgument, match="empty"):
        FileSensor(task_id="s", filepath="")
