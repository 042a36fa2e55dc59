"""Connections and variables: from the commands that keep them to tasks, triggers, templates, and masked logs."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.api import Api
from tests.support.commands import DagRun, Folder

BY_VARIABLE = """
from bide import DAG, EmptyOperator, Variable

with DAG(Variable.get("name", "first")):
    EmptyOperator(task_id="t")
"""


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    folder = make_folder("secrets_.py")
    uri = "postgres://ada:hunter%4022@db.example:5432/dwh?api_token=tokentoken"
    for arguments in (
        ["connections", "add", "warehouse", "--conn-uri", uri],
        ["variables", "set", "colour", "red"],
        ["variables", "set", "sizes", '{"small": 1}'],
        ["variables", "set", "db_password", "hunter33"],
    ):
        done = folder.run(*arguments)
        assert done.returncode == 0, str(done)
    return folder


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("looks_up", code=1, AIRFLOW_CONN_FROM_ENVIRONMENT="http://u:hunter44@h")


def test_templates_find_them(run: DagRun) -> None:
    assert run.result("templates") == "db.example:5432 red 1 fallback None"


def test_they_are_found_while_a_file_is_imported(run: DagRun, shared: Folder) -> None:
    assert run.result("named_made") == ["made", "db.example"]
    assert shared.run("variables", "set", "task_names", '["a", "b"]').returncode == 0
    again = shared.dag_run("looks_up", code=1)
    assert again.result("named_b") == ["b", "db.example"]
    assert "named_made" not in again.tasks
    assert shared.run("variables", "delete", "task_names").returncode == 0


def test_tasks_change_variables(run: DagRun, shared: Folder) -> None:
    assert run.result("changes") == ["6", {"a": [1]}, 1, 0, None]
    assert shared.run("variables", "get", "note", "--json").json == {"a": [1]}


def test_triggers_find_them(run: DagRun) -> None:
    assert run.result("trigger") == ["db.example", "red"]
    assert "the trigger knows ***" in run.log("trigger")


def test_what_is_secret_is_masked_in_logs_and_errors(run: DagRun, shared: Folder) -> None:
    log = run.log("hides")
    for line in (
        "the password is ***",
        "the token is ***",
        "the variable is ***",
        "the rest is ***, and ***",
    ):
        assert line in log
    assert "Task failed: ValueError: can't log in with ***" in run.log("fails")
    everything = "".join(path.read_text() for path in shared.home.rglob("*.log"))
    for secret in ("hunter@22", "hunter%4022", "tokentoken", "hunter33", "hunter44", "told-by-hand"):
        assert secret not in everything
        if secret in ("told-by-hand", "hunter44"):
            assert secret.encode() not in shared.store.read_bytes()


def test_secrets_in_xcoms_are_not_shown(run: DagRun, shared: Folder) -> None:
    uri = "postgres://ada:***@db.example:5432/dwh?api_token=***"
    assert run.result("returns") == {"uri": uri, "n": ["***"]}
    assert (
        shared.ask("tasks", "show", "looks_up", "returns", "--run", run.run_id)["xcom"]["return_value"]["uri"]
        == uri
    )


def test_a_connection_that_is_not_there(run: DagRun) -> None:
    assert run.end("misses") == "failed"
    assert (
        "ConnectionNotFound: the connection 'nowhere' isn't defined: set BIDE_CONN_NOWHERE to its URI, or add it "
        "with `bide connections add nowhere --conn-uri URI`"
    ) in run.log("misses")


def test_a_file_is_parsed_again_when_a_variable_that_it_has_read_changes(folder: Folder) -> None:
    folder.dag("by_variable", BY_VARIABLE)
    with folder.start("standalone", BIDE__API__PORT="0") as server:
        server.read_until("DAGs")
        assert [row["dag_id"] for row in folder.ask("dags", "list")] == ["first"]
        assert folder.run("variables", "set", "name", "second").returncode == 0
        server.read_until("lookups_changed")
        server.read_until("file_parsed")
        assert "second" in [row["dag_id"] for row in folder.ask("dags", "list")]


VAULT = """
import os
from bide.authoring.secrets_backends import BaseSecretsBackend

class Vault(BaseSecretsBackend):
    def __init__(self, token):
        self.token = token

    def get_conn_value(self, conn_id, team_name=None):
        return "http://u:from-vault@h" if conn_id == "api" else None

    def get_variable(self, key, team_name=None):
        return f"{key} {os.getpid()}" if key.startswith("v_") else None
"""
ASKS_VAULT = """
import os
from bide import DAG, BaseHook, Variable, task

AT_IMPORT = Variable.get("v_import")

with DAG("asks"):
    @task
    def asks():
        print("it is", BaseHook.get_connection("api").password)
        told = [name for name, value in os.environ.items() if "hunter77" in value]
        return [AT_IMPORT.split()[0], Variable.get("v_task").split()[1] != str(os.getpid()), told]
    asks()
"""


def test_a_backend_of_secrets_is_asked_in_a_process_of_its_own(folder: Folder) -> None:
    (folder.path / "plugins").mkdir()
    (folder.path / "plugins" / "my_vault.py").write_text(VAULT)
    folder.dag("asks", ASKS_VAULT)
    run = folder.dag_run(
        "asks", BIDE__SECRETS__BACKEND="my_vault.Vault", BIDE__SECRETS__BACKEND_KWARGS='{"token": "hunter77"}'
    )
    assert run.result("asks") == ["v_import", True, []]
    assert "it is ***" in run.log("asks")
    assert b"from-vault" not in folder.store.read_bytes()
    shown = folder.run("config", "show", "secrets", BIDE__SECRETS__BACKEND_KWARGS='{"token": "hunter77"}')
    assert "hunter77" not in shown.stdout


HOOK = """
from bide import BaseHook

class Hook(BaseHook):
    conn_name_attr = "mine_id"

    def __init__(self, mine_id):
        super().__init__()
        self.mine_id = mine_id

    def test_connection(self):
        found = self.get_connection(self.mine_id)
        if found.host == "down":
            raise OSError(f"no way to {found.host} with {found.password}")
        return found.host == "up", f"asked {found.host} as {found.login}"
"""


def test_a_connection_is_tested_by_its_hook(folder: Folder) -> None:
    plugins = folder.path / "plugins"
    (plugins / "mine-1.dist-info").mkdir(parents=True)
    (plugins / "my_hook.py").write_text(HOOK)
    (plugins / "mine-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (plugins / "mine-1.dist-info" / "entry_points.txt").write_text("[bide.hooks]\nmine = my_hook:Hook\n")
    folder.run("connections", "add", "there", "--conn-uri", "mine://ada:hunter22@up")
    environment = {"PYTHONPATH": str(plugins), "AIRFLOW_CONN_GONE": "mine://ada:hunter33@down"}
    good = folder.ask("connections", "test", "there", **environment)
    assert good == {"conn_id": "there", "status": True, "message": "asked up as ada"}
    bad = folder.ask("connections", "test", "gone", code=1, **environment)
    assert bad["message"] == "OSError: no way to down with ***"
    unknown = folder.ask("connections", "test", "other", code=1, AIRFLOW_CONN_OTHER="nothing://h")
    assert "no installed package has a hook for connections of type 'nothing'" in unknown["message"]
    enabled = {"BIDE__CORE__TEST_CONNECTION": "Enabled", **environment}
    with folder.start("standalone", "--port", "0", **enabled) as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            told = api.post("/connections/test", connection_id="there")
    assert told == {"status": True, "message": "asked up as ada"}
