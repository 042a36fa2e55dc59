"""How daylight saving time spread over the world and receded: a table and a picture out of real data.

    bide run examples/daylight_saving.py

reads the IANA time zone data of the `tzdata` package and leaves its results in ``./daylight_saving``. Three of the
tasks wait, each in its own way, and none of them holds a worker while it does:

* ``wait_for_release`` sleeps to a moment: a row in the database.
* ``wait_for_catalogue`` waits for a file, which a parallel branch writes without knowing of it.
* ``count_again`` submits a job to an HTTP service and waits for its end. The job counts all clock changes by
  another method, which takes a few seconds; ``compare`` then holds both counts together.

The job service (``job_service.py``) stands in for one that is somewhere else. Here it is a task, too, since
nothing that a task starts outlives its worker: it is there while it is needed and gone afterwards, come what may.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clock_changes
from clock_changes import FIRST_YEAR, LAST_YEAR, REGIONS
from job_service import write_atomically
from job_service_client import running, shut_down

from bide import (
    DAG,
    BashOperator,
    DateTimeSensor,
    FileSensor,
    HttpJobOperator,
    Param,
    TaskGroup,
    TimeDeltaTrigger,
    task,
)

HERE = Path(__file__).parent
#: The picture leaves out the quiet years before.
FIRST_YEAR_SHOWN = 1910


class SweepOperator(HttpJobOperator):
    """Runs the sweep in the job service of `folder`, as soon as that answers.

    A retry looks for the service again: should everything be killed and the run go on later, it is another one.
    """

    template_fields = (*HttpJobOperator.template_fields, "folder")

    def __init__(self, *, folder: Any, **kwargs: Any) -> None:
        super().__init__(endpoint="", **kwargs)
        self.folder = folder

    def execute(self, context: Any, event: Any = None) -> Any:
        url = running(Path(self.folder))
        if url is None:
            self.defer(trigger=TimeDeltaTrigger(seconds=0.3), method_name="execute")
        self.endpoint = f"{url}/jobs"
        return super().execute(context)


@task(multiple_outputs=True)
def prepare(params: Any = None, run_id: str = "") -> dict[str, str]:
    """Make the folders of this run, and set the moment at which the catalogue comes out."""
    output = Path(params["output"]).resolve()
    work = output / "work" / run_id.replace(":", "")
    work.mkdir(parents=True, exist_ok=True)
    return {
        "output": str(output),
        "work": str(work),
        "service": str(work / "service"),
        "catalogue": str(work / "zones.json"),
        "release_at": (datetime.now(UTC) + timedelta(seconds=params["pause"])).isoformat(),
    }


@task
def write_catalogue(path: str) -> int:
    """Write the list of zones to a file, all at once; returns how many there are."""
    zones = clock_changes.zones()
    write_atomically(Path(path), json.dumps([zone._asdict() for zone in zones]))
    print(f"{len(zones)} zones of release {clock_changes.release()}")
    return len(zones)


@task
def measure(region: str, catalogue: str, work: str) -> str:
    """Read the history of each zone of `region`; returns the path of a file with what was found, by zone."""
    found = {}
    for zone in json.loads(Path(catalogue).read_text()):
        if zone["region"] == region:
            periods = clock_changes.history(zone["name"])
            found[zone["name"]] = {
                "changes": clock_changes.clock_changes(periods),
                "daylight_saving": sorted(clock_changes.daylight_saving_years(periods)),
            }
    path = Path(work) / f"{_label(region)}.json"
    write_atomically(path, json.dumps({"region": region, "zones": found}))
    print(f"{region}: {len(found)} zones")
    return str(path)


@task
def compare(measured: list[str], counted: dict[str, Any]) -> int:
    """Check that both ways of counting agree on every zone; returns the number of clock changes."""
    by_zone: dict[str, int] = {}
    for _, zones in map(_read, measured):
        by_zone.update((name, sum(zone["changes"].values())) for name, zone in zones.items())
    differing = {name for name in by_zone.keys() | counted.keys() if by_zone.get(name) != counted.get(name)}
    if differing:
        raise ValueError(f"the two counts differ for {', '.join(sorted(differing))}")
    total = sum(by_zone.values())
    print(f"both ways found {total} clock changes in {len(by_zone)} zones, {FIRST_YEAR} to {LAST_YEAR}")
    return total


@task
def publish(measured: list[str], output: str) -> dict[str, str]:
    """Write the table and draw the picture; returns where they are."""
    from daylight_picture import draw  # brings matplotlib, which the DAG file itself can do without

    years = range(FIRST_YEAR, LAST_YEAR + 1)
    observing: dict[str, list[int]] = {}
    changes: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for region, zones in map(_read, measured):
        observed = Counter(year for zone in zones.values() for year in zone["daylight_saving"])
        changed: Counter[int] = Counter()
        for zone in zones.values():
            changed.update({int(year): count for year, count in zone["changes"].items()})
        observing[region] = [observed[year] for year in years]
        changes[region] = [changed[year] for year in years]
        sizes[region] = len(zones)
    table, picture = Path(output) / "daylight_saving.csv", Path(output) / "daylight_saving.png"
    with table.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("year", "region", "zones", "zones_with_daylight_saving", "clock_changes"))
        for index, year in enumerate(years):
            rows.writerows(
                (year, name, sizes[name], observing[name][index], changes[name][index]) for name in sizes
            )
    release = clock_changes.release()
    shown = slice(FIRST_YEAR_SHOWN - FIRST_YEAR, int(release[:4]) - FIRST_YEAR + 1)
    draw(
        {region: numbers[shown] for region, numbers in observing.items()},
        [sum(numbers) for numbers in zip(*(numbers[shown] for numbers in changes.values()), strict=True)],
        first_year=FIRST_YEAR_SHOWN,
        zones=sum(sizes.values()),
        release=release,
        path=picture,
    )
    print(f"table:   {table}\npicture: {picture}")
    return {"table": str(table), "picture": str(picture)}


@task(trigger_rule="all_done")
def stop_service(folder: str) -> None:
    """Tell the job service that it is not needed any more; without this it would end by itself after a minute."""
    shut_down(Path(folder))


def _label(region: str) -> str:
    return "_".join(region.lower().replace("&", "and").split())


def _read(path: str) -> tuple[str, dict[str, Any]]:
    found = json.loads(Path(path).read_text())
    return found["region"], found["zones"]


with DAG(
    "daylight_saving",
    schedule=None,
    description="How daylight saving time spread over the world and receded",
    doc_md=__doc__,
    params={
        "output": Param("daylight_saving", type="string", description="folder for the results"),
        "pause": Param(2, type="number", minimum=0, description="seconds until the catalogue comes out"),
    },
    tags=["example"],
):
    plan = prepare()

    release = DateTimeSensor(task_id="wait_for_release", target_time=plan["release_at"], deferrable=True)
    release >> write_catalogue(plan["catalogue"])

    arrival = FileSensor(
        task_id="wait_for_catalogue", filepath=plan["catalogue"], poke_interval=0.5, timeout=120, deferrable=True
    )
    with TaskGroup("regions"):
        measured = [
            measure.override(task_id=_label(region))(region, plan["catalogue"], plan["work"]) for region in REGIONS
        ]
    arrival >> measured

    BashOperator(
        task_id="job_service",
        bash_command='exec "$PYTHON" "$HERE/job_service.py" --folder "$JOBS" --program sweep="$HERE/sweep_job.py"',
        env={"PYTHON": sys.executable, "HERE": str(HERE), "JOBS": plan["service"]},
        append_env=True,
        do_xcom_push=False,
    )
    count_again = SweepOperator(
        task_id="count_again",
        folder=plan["service"],
        payload={"program": "sweep", "arguments": {"first": FIRST_YEAR, "last": LAST_YEAR}},
        poll_interval=0.5,
        error_budget=3,
        execution_timeout=timedelta(minutes=5),
        retries=2,
        retry_delay=1,
    )
    count_again >> stop_service(plan["service"])
    compare(measured, count_again.output) >> publish(measured, plan["output"])
