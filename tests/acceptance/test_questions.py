"""Tasks that ask people, answered by the command while the run goes on."""

from __future__ import annotations

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Folder


def test_a_run_waits_for_people_and_goes_on_with_their_answers(folder: Folder) -> None:
    folder.copy(DAG_FILES / "asking.py")
    with folder.start("run", "dags/asking.py") as run:
        run.read_all("fill deferred", "approve deferred")
        asked = {row["task_id"]: row for row in folder.ask("questions", "list", "asking")}
        assert asked["approve"]["subject"] == f"Publish {asked['approve']['run_id']}?"
        assert asked["fill"]["state"] == "waits"
        assert folder.ask("questions", "show", "asking", "fill")["form"]["rows"]["value"] == 10
        refused = folder.run("questions", "answer", "asking", "approve", "--choose", "Maybe")
        assert refused.returncode != 0 and "'Maybe' is none of the options: Approve, Reject" in refused.stderr
        wrong = folder.run("questions", "answer", "asking", "fill", "-c", "OK", "-f", "rows=many")
        assert wrong.returncode != 0 and "field 'rows' of the form: 'many' is not of type 'integer'" in wrong.stderr
        assert folder.run("questions", "answer", "asking", "fill", "-c", "OK", "-f", "rows=21").returncode == 0
        assert folder.run("questions", "answer", "asking", "approve", "-c", "Approve").returncode == 0
        assert run.wait() == 0
    assert "Returned value was: 42" in folder.run("tasks", "logs", "asking", "load").stdout
    assert folder.ask("questions", "list") == []
    assert [row["state"] for row in folder.ask("questions", "list", "--all")] == ["answered", "answered"]
