"""DAG files that can't be used: each is told with file, line and value, and harms no other."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from tests.acceptance.broken_files import BROKEN
from tests.acceptance.conftest import MakeFolder
from tests.support.api import Api
from tests.support.commands import Folder

GOOD = """
from bide import DAG, task

with DAG("good"):
    @task
    def fine():
        return "fine"

    fine()
"""


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    folder = make_folder()
    folder.dag("good", GOOD)
    for name, broken in BROKEN.items():
        folder.dag(name, broken.text)
    return folder


@pytest.fixture(scope="module")
def errors(shared: Folder) -> dict[str, list[dict[str, Any]]]:
    """Import errors by file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in shared.ask("dags", "errors", "--dags", "dags", code=1, BIDE__PARSING__TIMEOUT_SEC="2"):
        found.setdefault(row["file"], []).append(row)
    return found


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_names_file_line_and_value(shared: Folder, errors: dict[str, Any], name: str) -> None:
    broken, path = BROKEN[name], str(shared.dags / f"{name}.py")
    (error,) = errors[path]
    assert broken.message in error["message"]
    assert path in error["message"]
    assert error["line"] == broken.line
    assert error["dag_id"] == broken.dag_id
    if broken.line is not None:
        assert f"line {broken.line}" in error["message"]
        assert error["traceback"]


def test_tracebacks_are_those_of_the_file(shared: Folder, errors: dict[str, Any]) -> None:
    (raised,) = errors[str(shared.dags / "raises.py")]
    assert raised["traceback"].startswith(f'Traceback (most recent call last):\n  File "{shared.dags}/raises.py"')
    (refused,) = errors[str(shared.dags / "argument.py")]
    assert refused["traceback"].count('  File "') == 1


def test_no_error_hides_another(shared: Folder, errors: dict[str, Any]) -> None:
    assert set(errors) == {str(shared.dags / f"{name}.py") for name in BROKEN}


def test_what_a_file_has_started_is_gone_with_it(errors: dict[str, Any]) -> None:
    assert not [one for one in psutil.process_iter(["cmdline"]) if "987654" in (one.info["cmdline"] or [])]


def test_good_dags_are_listed_and_run_beside_broken_ones(shared: Folder) -> None:
    few = {"BIDE__PARSING__TIMEOUT_SEC": "1"}
    listed = shared.run("dags", "list", **few)
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["beside_the_cycle", "good"]
    assert f"{len(BROKEN)} import errors: see `bide dags errors`" in listed.stderr
    assert shared.dag_run("dags/good.py").result("fine") == "fine"
    assert shared.dag_run("dags/cycle.py", "--dag", "beside_the_cycle").state == "success"


def test_a_broken_dag_is_refused_with_the_reason(shared: Folder) -> None:
    assert "a -> b -> c -> a" in shared.refused("run", "dags/cycle.py", "--dag", "cycle", code=2)
    taken = shared.refused("run", "dags/zz_taken.py", code=2)
    assert f"{shared.dags}/good.py makes a DAG of that id too; rename one of them" in taken


def test_a_dag_that_is_not_found_may_be_in_a_broken_file(folder: Folder) -> None:
    folder.dag("good", GOOD)
    folder.dag("rule", BROKEN["rule"].text)
    folder.dag("cycle", BROKEN["cycle"].text)
    said = folder.refused("run", "rule", code=1)
    assert "no DAG 'rule'" in said
    assert "there are: beside_the_cycle, good" in said
    assert BROKEN["rule"].message in said
    assert "a -> b -> c -> a" in folder.refused("run", "cycle", code=2)


def test_a_server_shows_errors_keeps_the_last_good_dag_and_sees_the_repair(folder: Folder) -> None:
    good, broken = folder.dag("good", GOOD), folder.dag("syntax", BROKEN["syntax"].text)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            (error,) = api.get("/importErrors")["import_errors"]
            assert error["filename"] == str(broken)
            assert "SyntaxError: expected ':'" in error["stack_trace"]
            (row,) = folder.ask("dags", "errors", code=1)
            assert (row["file"], row["line"]) == (str(broken), 2)
            # The last good DAG goes on while its file is broken.
            good.write_text(GOOD + "\nwith DAG(\n")
            api.until(lambda: api.get("/importErrors")["total_entries"] == 2)
            assert "'(' was never closed" in folder.run("run", "good").stderr
            assert "good" in [dag["dag_id"] for dag in api.get("/dags")["dags"]]
            run = api.run_to_end("good", dag_run_id="while_broken")
            assert run["state"] == "failed"
            assert "'(' was never closed" in folder.run("tasks", "logs", "good", "fine").stdout
            broken.write_text(GOOD.replace("good", "repaired"))
            good.write_text(GOOD)
            api.until(lambda: api.get("/importErrors")["total_entries"] == 0)
            assert [dag["dag_id"] for dag in api.get("/dags")["dags"]] == ["good", "repaired"]
