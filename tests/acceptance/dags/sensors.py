"""Sensors in their modes, a task for each case."""

import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bide import DAG, BaseSensorOperator, DateTimeSensor, FileSensor, PokeReturnValue, TimeDeltaSensor, task
from bide.standard.sensors.time import (
    DateTimeSensorAsync,
    TimeDeltaSensorAsync,
    TimeSensor,
    TimeSensorAsync,
    WaitSensor,
)

FOLDER = Path(__file__).parent
PAST = datetime(2026, 3, 29, tzinfo=UTC)


def note(name):
    with (FOLDER / "looks").open("a") as looks:
        looks.write(f"{name}\n")


class Counting(BaseSensorOperator):
    """Has what it wants at the look `wanted`."""

    def __init__(self, wanted=3, **kwargs):
        super().__init__(**kwargs)
        self.wanted = wanted

    def poke(self, context):
        note(self.task_id)
        looks = (FOLDER / "looks").read_text().split("\n").count(self.task_id)
        return PokeReturnValue(looks >= self.wanted, xcom_value=looks)


class NotedFileSensor(FileSensor):
    def poke(self, context):
        found = super().poke(context)
        note(self.task_id)  # behind the look: what waits for it must not change what it finds
        return found


class Failing(BaseSensorOperator):
    def poke(self, context):
        raise ConnectionError("the source is gone")


with DAG("sensors", schedule=None, default_args={"retry_delay": 0.05}) as dag:
    Counting(task_id="poke", poke_interval=0.05)
    Counting(task_id="reschedule", poke_interval=0.05, mode="reschedule")
    Counting(task_id="at_once", wanted=1, poke_interval=60)
    Counting(task_id="in_vain", wanted=999, poke_interval=0.1, timeout=0.5, retries=2)
    Counting(
        task_id="in_vain_rescheduled", wanted=999, poke_interval=0.1, timeout=0.5, retries=2, mode="reschedule"
    )
    Counting(task_id="in_vain_and_soft", wanted=999, poke_interval=0.1, timeout=0.3, soft_fail=True)
    Failing(task_id="failing", retries=1)

    never = {"filepath": str(FOLDER / "never"), "deferrable": True, "poke_interval": 0.1, "timeout": 0.5}
    FileSensor(task_id="no_file", retries=2, **never)
    FileSensor(task_id="no_file_and_soft", soft_fail=True, **never)

    file = {"filepath": str(FOLDER / "*.csv"), "poke_interval": 0.1}
    NotedFileSensor(task_id="file_poke", **file)
    NotedFileSensor(task_id="file_reschedule", mode="reschedule", **file)
    NotedFileSensor(task_id="file_deferrable", deferrable=True, **file)

    @task
    def write_when_looked_for():
        """Once the other three have looked in vain."""
        wanted = {"file_poke", "file_reschedule", "file_deferrable"}
        while not (FOLDER / "looks").exists() or not wanted <= set((FOLDER / "looks").read_text().split()):
            time.sleep(0.05)
        (FOLDER / "sales.csv").write_text("1\n")

    write_when_looked_for()

    soon = "{{ (dag_run.start_date + macros.timedelta(seconds=2)).isoformat() }}"
    DateTimeSensor(task_id="moment_poke", target_time=soon, poke_interval=0.1)
    DateTimeSensor(task_id="moment_reschedule", target_time=soon, poke_interval=0.2, mode="reschedule")
    DateTimeSensor(task_id="moment_deferrable", target_time=soon, deferrable=True)
    DateTimeSensor(task_id="moment_ended", target_time=soon, deferrable=True, end_from_trigger=True)
    DateTimeSensor(task_id="moment_past", target_time=PAST, deferrable=True)
    DateTimeSensorAsync(task_id="moment_async", target_time=soon)
    TimeDeltaSensor(task_id="delta_poke", delta=timedelta(seconds=1), poke_interval=0.1)
    TimeDeltaSensor(task_id="delta_deferrable", delta=timedelta(seconds=3), deferrable=True)
    TimeDeltaSensorAsync(task_id="delta_async", delta=timedelta(seconds=3))
    TimeSensor(task_id="time", target_time=datetime.min.time())
    TimeSensorAsync(task_id="time_async", target_time=datetime.min.time())
    DateTimeSensor(task_id="default", target_time=soon, poke_interval=0.1)


with DAG("starting", schedule=None):
    short, now = timedelta(seconds=0.3), "{{ dag_run.run_after.isoformat() }}"
    WaitSensor(short, task_id="wait", poke_interval=0.1)
    # Longer than a worker takes to begin on a busy machine: what is over by then does not wait.
    WaitSensor(timedelta(seconds=3), task_id="wait_deferrable", deferrable=True)
    WaitSensor(short, task_id="wait_started", start_from_trigger=True)
    TimeDeltaSensor(task_id="delta_started", delta=short, start_from_trigger=True)
    TimeDeltaSensor(task_id="delta_ended", delta=short, start_from_trigger=True, end_from_trigger=True)
    TimeSensor(task_id="time_started", target_time=datetime.min.time(), start_from_trigger=True)
    DateTimeSensor(task_id="moment_started", target_time=PAST, start_from_trigger=True)
    DateTimeSensorAsync(task_id="template_started", target_time=now, start_from_trigger=True)
    FileSensor(task_id="file_started", filepath=__file__, start_from_trigger=True)
    late = {"filepath": str(FOLDER / "never"), "timeout": 0.3, "soft_fail": True}
    FileSensor(task_id="no_file_started", start_from_trigger=True, **late)
    other = {"filepath": __file__, "poke_interval": 1}
    FileSensor(task_id="other_started", filepath="/never", start_from_trigger=True, trigger_kwargs=other)


class Woken(BaseSensorOperator):
    """Would look once an hour, and gives away a URL that makes it look at once."""

    def poke(self, context):
        url = FOLDER / "url"
        if url.exists():
            return True
        FOLDER.joinpath("url.new").write_text(self.callback_url())
        FOLDER.joinpath("url.new").rename(url)
        return False


with DAG("woken", schedule=None):
    Woken(task_id="sleeps", poke_interval=3600, mode="reschedule")

    @task
    def wakes():
        while not (FOLDER / "url").exists():
            time.sleep(0.02)
        request = urllib.request.Request((FOLDER / "url").read_text(), data=b"{}", method="POST")
        return urllib.request.urlopen(request, timeout=20).status

    wakes()


with DAG("poking", schedule=None):
    for number in range(20):
        FileSensor(task_id=f"sensor_{number}", filepath=str(FOLDER / "poked"), poke_interval=0.2)

    @task(priority_weight=-1)
    def opens():
        (FOLDER / "poked").touch()

    opens()


with DAG("one_slot", schedule=None):
    # With one slot for all of them, each wait has to leave it to the others.
    wait = {"filepath": str(FOLDER / "opened"), "poke_interval": 0.1}
    for number in range(3):
        FileSensor(task_id=f"deferred_{number}", deferrable=True, **wait)
        FileSensor(task_id=f"rescheduled_{number}", mode="reschedule", **wait)
    for number in range(10):
        TimeDeltaSensor(task_id=f"timer_{number}", delta=timedelta(seconds=1), deferrable=True)

    @task(priority_weight=-1)
    def open_it():
        (FOLDER / "opened").touch()

    open_it()
