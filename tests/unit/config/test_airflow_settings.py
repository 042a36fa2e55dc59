"""Airflow's settings: which are heeded, which wins, and what is said of the rest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bide.cli.app import app
from bide.config.airflow.file import read_airflow_file
from bide.config.airflow.names import SECTIONS, SERVED, UNSERVED
from bide.config.airflow.reference import reference_page
from bide.config.airflow.report import airflow_report
from bide.config.load import load_config
from bide.config.resolved import Config
from bide.config.table import setting_rows
from bide.model.errors import ConfigError

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "airflow-settings.md"
#: As people write it: comments behind values, old names, JSON over several lines.
AIRFLOW_CFG = """
# airflow.cfg
[core]
executor = CeleryExecutor
# Max total tasks running across ALL DAGs simultaneously
parallelism = 64
dag_concurrency = 12 # deprecated
max_active_runs_per_dag = 4
default_timezone = utc
dags_folder = {AIRFLOW_HOME}/flows
paralelism = 3
plugins_folder =
fernet_key_cmd = cat /run/key

[scheduler]
max_threads = 4
scheduler_heartbeat_sec = 5

[celery]
broker_url = redis://:hush@redis:6379/0
worker_concurrency = 16

[secrets]
backend = airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend
backend_kwargs = {
    "connections_prefix": "airflow/connections",
"variables_prefix": "airflow/variables"
}

[logging]
logging_level = warn
log_filename_template = dag_id={{ ti.dag_id }}/{{ try_number }}.log

[team]
greeting = 100%% # of it
"""

MakeHome = Callable[..., Path]


@pytest.fixture
def airflow_home(tmp_path: Path) -> MakeHome:
    def make(text: str = AIRFLOW_CFG) -> Path:
        home = tmp_path / "airflow"
        home.mkdir()
        (home / "airflow.cfg").write_text(text, encoding="utf-8")
        return home

    return make


def given(config: Config) -> dict[str, Any]:
    return {f"{section}.{key}": config.value(section, key) for section, key in config.sources}


def test_a_file_says_what_it_says_of_airflow(airflow_home: MakeHome) -> None:
    home = airflow_home()
    config = load_config(home, {})
    assert config.project == home
    assert given(config) == {
        "core.parallelism": 64,
        "core.max_active_tasks_per_dag": 12,
        "core.max_active_runs_per_dag": 4,
        "core.default_timezone": "UTC",
        "core.dags_folder": str(home / "flows"),
        "parsing.processes": 4,
        "secrets.backend": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
        "secrets.backend_kwargs": '{\n"connections_prefix": "airflow/connections",\n'
        '"variables_prefix": "airflow/variables"\n}',
        "logging.level": "WARNING",
    }
    assert config.source("core", "parallelism") == f"{home}/airflow.cfg:6"


def test_sources_win_in_this_order(airflow_home: MakeHome) -> None:
    home = airflow_home("[core]\nparallelism = 2\n")

    def parallelism(**environ: str) -> int:
        return load_config(home, environ).settings.core.parallelism

    assert parallelism() == 2
    (home / "bide.toml").write_text("[core]\nparallelism = 3\n")
    assert parallelism() == 3
    assert parallelism(AIRFLOW__CORE__PARALLELISM="4") == 4
    assert parallelism(AIRFLOW__CORE__PARALLELISM="4", BIDE__CORE__PARALLELISM="5") == 5


def test_airflow_home_and_config_say_which_file(airflow_home: MakeHome, tmp_path: Path) -> None:
    home = airflow_home("[core]\nparallelism = 2\n")
    other = tmp_path / "other.cfg"
    other.write_text("[core]\nparallelism = 7\n")
    elsewhere = Path("/no/such/folder")
    config = load_config(elsewhere, {"AIRFLOW_HOME": str(home)})
    assert (config.project, config.home) == (home, home / ".bide")
    assert config.settings.core.parallelism == 2
    environ = {"AIRFLOW_HOME": str(home), "AIRFLOW_CONFIG": str(other)}
    assert load_config(elsewhere, environ).settings.core.parallelism == 7
    with pytest.raises(ConfigError, match=r"AIRFLOW_CONFIG: there is no file /no/such\.cfg"):
        load_config(elsewhere, {"AIRFLOW_CONFIG": "/no/such.cfg"})


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("AIRFLOW__CORE__EXECUTOR", "SequentialExecutor", "core.parallelism", 1),
        ("AIRFLOW__CORE__EXECUTOR", "LocalExecutor", "core.parallelism", 32),
        ("AIRFLOW__TRIGGERER__DEFAULT_CAPACITY", "1000", "triggerer.capacity", None),
        ("AIRFLOW__TRIGGERER__DEFAULT_CAPACITY", "50", "triggerer.capacity", 50),
        ("AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC", "5", "triggerer.job_heartbeat_sec", 5.0),
        ("AIRFLOW__CORE__XCOM_BACKEND", "airflow.models.xcom.BaseXCom", "core.xcom_backend", ""),
        ("AIRFLOW__CORE__XCOM_BACKEND", "mine.XComs", "core.xcom_backend", "mine.XComs"),
        ("AIRFLOW__CORE__DEFAULT_TIMEZONE", "system", "core.default_timezone", "UTC"),
        (
            "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES",
            "airflow.* mine.Point",
            "core.allowed_deserialization_classes",
            ["airflow.*", "mine.Point"],
        ),
        ("AIRFLOW__WEBSERVER__BASE_URL", "http://localhost:8080", "api.base_url", ""),
        ("AIRFLOW__WEBSERVER__BASE_URL", "https://flows.example.com", "api.base_url", "https://flows.example.com"),
        ("AIRFLOW__COMMON.IO__XCOM_OBJECTSTORAGE_COMPRESSION", "gzip", "xcom.objectstorage_compression", "gzip"),
        ("AIRFLOW__CORE__PARALLELISM_CMD", f"{sys.executable} -c print(9)", "core.parallelism", 9),
        ("BIDE__STORE__URL_CMD", "echo sqlite:////srv/bide.db", "store.url", "sqlite:////srv/bide.db"),
        ("AIRFLOW__CORE__PARALLELISM", "", "core.parallelism", 32),
    ],
)
def test_values_are_turned_into_bides(tmp_path: Path, variable: str, text: str, name: str, value: object) -> None:
    config = load_config(tmp_path, {variable: text})
    assert config.value(*name.split(".")) == value


def test_the_newer_of_two_names_counts(airflow_home: MakeHome) -> None:
    home = airflow_home("[core]\nmax_active_tasks_per_dag = 5\ndag_concurrency = 16\n")
    assert load_config(home, {}).settings.core.max_active_tasks_per_dag == 5


@pytest.mark.parametrize(
    ("command", "words"),
    [("false", "ended with 1"), ("/no/such/command", "can't be run"), ("'", "can't be run")],
)
def test_a_command_that_fails_is_named(tmp_path: Path, command: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"AIRFLOW__CORE__PARALLELISM_CMD: the command {words}"):
        load_config(tmp_path, {"AIRFLOW__CORE__PARALLELISM_CMD": command})


def test_a_wrong_value_is_refused_with_its_line(airflow_home: MakeHome) -> None:
    home = airflow_home("[core]\nparallelism = many\n")
    with pytest.raises(ConfigError, match=r"airflow\.cfg:2: core\.parallelism is integer >= 1, not 'many'"):
        load_config(home, {})


@pytest.mark.parametrize("text", ["parallelism = 2\n", "[core]\nwhat is this\n"])
def test_a_file_that_is_none_is_refused(airflow_home: MakeHome, text: str) -> None:
    home = airflow_home(text)
    with pytest.raises(ConfigError, match=r"airflow\.cfg:\d: a line is"):
        load_config(home, {})


def test_lines_keep_their_numbers_and_hashes_in_words(tmp_path: Path) -> None:
    path = tmp_path / "airflow.cfg"
    path.write_text("[A]\nx = a#b\ny =\n   one\n   two # 2\n; no\n[b] # here\nZ: 1\n")
    assert [tuple(one) for one in read_airflow_file(path)] == [
        ("a", "x", "a#b", 2),
        ("a", "y", "one\ntwo", 3),
        ("b", "z", "1", 8),
    ]


def test_code_of_users_finds_what_is_not_the_engines(airflow_home: MakeHome) -> None:
    config = load_config(airflow_home(), {})
    told = config.runner_environment({"BIDE__STORE__URL_CMD": "cat url", "AIRFLOW__CELERY__X": "y"})
    assert told["AIRFLOW__TEAM__GREETING"] == "100%"
    assert told["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert [name for name in told if "FERNET" in name or "CELERY" in name or "SECRETS" in name] == []
    assert "BIDE__STORE__URL_CMD" not in told
    assert "hush" not in str(told)


def test_code_of_users_finds_what_airflow_always_has(airflow_home: MakeHome) -> None:
    home = airflow_home("[webserver]\nweb_server_port = 9000\n")
    told = load_config(home, {}).runner_environment({})
    assert told["AIRFLOW__WEBSERVER__BASE_URL"] == told["AIRFLOW__API__BASE_URL"] == "http://localhost:9000"
    assert told["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert told["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == f"{home}/.bide/logs"
    environ = {"AIRFLOW__WEBSERVER__BASE_URL": "https://flows.example.com"}
    told = load_config(home, environ).runner_environment(environ)
    assert told["AIRFLOW__WEBSERVER__BASE_URL"] == told["AIRFLOW__API__BASE_URL"] == "https://flows.example.com"


def test_each_setting_is_reported_once(airflow_home: MakeHome) -> None:
    environ = {"AIRFLOW__CORE__PARALLELISM": "8", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "db"}
    rows = airflow_report(load_config(airflow_home(), environ), environ)
    # What is given twice has two rows: one that wins, one that does not.
    found = [(row.setting, row.status, row.bide) for row in rows if row.setting != "core.parallelism"]
    assert found == [
        ("core.executor", "no effect", "core.parallelism"),
        ("core.dag_concurrency", "used", "core.max_active_tasks_per_dag"),
        ("core.max_active_runs_per_dag", "used", "core.max_active_runs_per_dag"),
        ("core.default_timezone", "used", "core.default_timezone"),
        ("core.dags_folder", "used", "core.dags_folder"),
        ("core.paralelism", "unknown", None),
        ("core.fernet_key", "no effect", None),
        ("scheduler.max_threads", "used", "parsing.processes"),
        ("scheduler.scheduler_heartbeat_sec", "no effect", None),
        ("celery.*", "no effect", None),
        ("secrets.backend", "used", "secrets.backend"),
        ("secrets.backend_kwargs", "used", "secrets.backend_kwargs"),
        ("logging.logging_level", "used", "logging.level"),
        ("logging.log_filename_template", "no effect", "logging.log_filename_template"),
        ("team.greeting", "handed on", None),
        ("database.*", "no effect", None),
    ]
    assert [row.status for row in rows if row.setting == "core.parallelism"] == ["overridden", "used"]
    assert next(row.advice for row in rows if row.status == "unknown") == "did you mean parallelism?"
    assert "hush" not in str(rows)


def test_the_commands_show_it(airflow_home: MakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(airflow_home())
    monkeypatch.setenv("COLUMNS", "200")

    def bide(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "core.dag_concurrency" in bide("config", "check", "--airflow")
    assert '"bide": "parsing.processes"' in bide("config", "check", "--airflow", "-o", "json")
    assert bide("config", "get", "core", "dag_concurrency") == "12\n"
    assert bide("config", "get", "secrets", "backend_kwargs") == "***\n"
    assert bide("config", "get", "core", "executor") == "CeleryExecutor\n"
    assert bide("config", "get", "Team", "greeting") == "100%\n"
    refused = CliRunner().invoke(app, ["config", "get", "smtp", "smtp_user"])
    assert (refused.exit_code, "put it into the connection smtp_default" in refused.stderr) == (2, True)


def test_the_tables_name_settings_that_are_there() -> None:
    assert [one.name for one in SERVED.values() if tuple(one.name.split(".")) not in setting_rows()] == []
    assert set(SERVED) & set(UNSERVED) == set()
    assert {section for section, _ in (*SERVED, *UNSERVED)} - set(SECTIONS) == {"common.io"}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "run `python -m bide.config.airflow.reference > docs/reference/airflow-settings.md`"
    )


def test_a_file_may_be_written_in_many_ways(
    airflow_home: MakeHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setenv("NUMBER", "7")
    text = (
        "\ufeff[Core]\nParallelism=64\n  \nmax_active_runs_per_dag:4\nPARALLELISM = 32 # the last counts\n"
        "dags_folder = ~/flows\nplugins_folder = ${AIRFLOW_HOME}/$STAGE\n[team]\nof = $AIRFLOW_HOME 100%%\n"
        "lines =\n    one\n    two\n[kubernetes]\nnamespace = airflow\n"
    )
    home = airflow_home(text)
    config = load_config(home, {"AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "${NUMBER}"})
    assert given(config) == {
        "core.parallelism": 32,
        "core.max_active_runs_per_dag": 4,
        "core.dags_folder": f"{tmp_path}/flows",
        "core.plugins_folder": f"{home}/prod",
        "core.max_active_tasks_per_dag": 7,
    }
    assert config.airflow["AIRFLOW__TEAM__OF"] == f"{home} 100%"
    assert config.airflow["AIRFLOW__TEAM__LINES"] == "one\ntwo"
