"""The main job: it survives the death of everything and leaves the right results."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest

from tests.support.commands import Folder

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "daylight_saving.py")


@pytest.mark.timeout(300)
def test_it_goes_on_after_everything_was_killed(folder: Folder) -> None:
    pytest.importorskip("matplotlib", reason="install the group `examples`; the README's first command has it")
    with folder.start("run", EXAMPLE) as command:
        run_id = command.read_until("manual__").split()[2].rstrip(":")
        command.read_until("count_again deferred: waits for job")
        command.send(signal.SIGKILL)
        command.wait()

    resumed = folder.run("run", EXAMPLE, "--resume", run_id, "--output", "json")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    run = json.loads(resumed.stdout)
    assert (run["run_id"], run["state"]) == (run_id, "success")
    tasks = {task["task_id"]: task for task in run["tasks"]}
    assert tasks["prepare"]["states"].count("running") == 1, "what was done is not done again"
    assert "deferred" in tasks["count_again"]["states"]
    results = tasks["publish"]["xcom"]["return_value"]
    assert Path(results["picture"]).read_bytes().startswith(b"\x89PNG")
    with Path(results["table"]).open() as file:
        rows = {(row["year"], row["region"]): row for row in csv.DictReader(file)}
    assert int(rows["1916", "Europe"]["zones_with_daylight_saving"]) > 10
    assert rows["1900", "Asia"]["zones_with_daylight_saving"] == "0"
