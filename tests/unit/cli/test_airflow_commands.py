"""Airflow's command lines: what each is of Bide's, and that Bide's own parser takes it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from bide.cli.airflow.commands import COMMANDS, reference_page
from bide.cli.airflow.main import main
from bide.cli.airflow.options import Command
from bide.cli.airflow.translation import translate
from bide.cli.app import app
from bide.cli.exit_codes import BadInput
from tests.unit.cli.conftest import Project

AIRFLOW = str(Path(sys.executable).with_name("airflow"))
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "airflow-commands.md"
bide: Any = typer.main.get_command(app)

LINES = {
    # As people have them in scripts, for Airflow 2 and 3.
    "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 orders_etl": (
        "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 orders_etl"
    ),
    "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 --dry-run orders_etl": (
        "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 --dry-run orders_etl"
    ),
    "dags backfill -s 2024-01-01 -e 2024-06-30 --max-jobs 2 orders_etl": (
        "dags backfill --start-date 2024-01-01 --end-date 2024-06-30 --max-jobs 2 orders_etl"
    ),
    "dags backfill -s 2024-01-01 -e 2024-01-31 --rerun-failed-tasks -B -y etl": (
        "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 --rerun-failed-tasks --run-backwards etl"
    ),
    "dags backfill -s 2024-01-01 -e 2024-01-31 --reset-dagruns orders_etl": (
        "dags backfill --start-date 2024-01-01 --end-date 2024-01-31 --reprocess=completed orders_etl"
    ),
    "backfill create --dag-id etl --from-date 2024-01-01 --to-date 2024-01-31 --reprocess-behavior failed": (
        "backfill create --dag-id etl --from-date 2024-01-01 --to-date 2024-01-31 --reprocess-behavior failed"
    ),
    "dags trigger etl --conf '{\"a\": 1}' -r mine -e 2024-01-15": (
        "dags trigger --conf '{\"a\": 1}' --logical-date 2024-01-15 --run-id mine --output json etl"
    ),
    "dags test etl 2024-01-15": "dags test etl 2024-01-15",
    "dags list -o json -S /opt/airflow/dags": "dags list --dags /opt/airflow/dags --output json",
    "dags list --output=yaml -v": "dags list --output json",
    "dags list --output plain -B mine": "dags list --output json",
    "dags pause etl": "dags pause --output json etl",
    "dags unpause etl -y": "dags unpause --output json etl",
    "dags show etl": "dags show etl",
    "dags next-execution -n 3 etl": "dags next-execution --num-executions 3 --output json etl",
    "dags list-runs -d etl --state failed": "runs list etl --limit 1000000 --state failed --output json",
    "dags list-runs etl": "runs list etl --limit 1000000 --output json",
    "dags list-import-errors": "dags errors",
    "dags state etl 2024-01-15": "runs show etl 2024-01-15 --output json",
    "dags reserialize": "dags reserialize",
    "tasks clear -d orders_etl -t spark_transform --yes": (
        "tasks clear --downstream --yes --task-regex spark_transform orders_etl"
    ),
    "tasks clear orders_etl --start-date 2024-01-15 --end-date 2024-01-15 --only-failed --yes": (
        "tasks clear --start-date 2024-01-15 --end-date 2024-01-15 --yes --only-failed orders_etl"
    ),
    "tasks clear orders_etl -t spark_transform --downstream --yes": (
        "tasks clear --downstream --yes --task-regex spark_transform orders_etl"
    ),
    "tasks mark-success -d orders_etl -t spark_transform -e 2024-01-15": (
        "tasks mark orders_etl 2024-01-15 spark_transform --state success --yes"
    ),
    "tasks mark-success etl load run_1 --map-index 2 --downstream": (
        "tasks mark etl run_1 load --state success --downstream --map-index 2 --yes"
    ),
    "tasks mark-failed --dag etl --task load --run-id run_1": "tasks mark etl run_1 load --state failed --yes",
    "tasks list etl --tree": "dags show --tasks etl",
    "tasks state etl load 2024-01-15": "tasks show etl load --run 2024-01-15 --output json",
    "tasks states-for-dag-run etl 2024-01-15 -o json": "runs show etl 2024-01-15 --output json",
    "tasks test etl load.all 2024-01-15": r"dags test etl 2024-01-15 --mark-success-pattern '(?!load\.all$).*'",
    "tasks run etl load run_1 --local": "tasks clear etl --task-regex '^load$' --run run_1 --yes",
    "pools set spark_pool 5 'Limits Spark jobs'": "pools set spark_pool 5 'Limits Spark jobs'",
    "pools set free -1 Endless --include-deferred": "pools set --include-deferred -- free -1 Endless",
    "pools get spark_pool": "pools get --output json spark_pool",
    "pools list": "pools list --output json",
    "connections add postgres_default --conn-type postgres --host db --schema my_database --login admin "
    "--password secret123 --port 5432": (
        "connections add postgres_default --conn-type postgres --conn-host db --conn-login admin "
        "--conn-password secret123 --conn-schema my_database --conn-port 5432"
    ),
    "connections add aws --conn-type amazon_web_services --extra '{\"a\": 1}'": (
        "connections add aws --conn-type amazon_web_services --conn-extra '{\"a\": 1}'"
    ),
    "connections add x --conn-uri a://b": "connections add x --conn-uri a://b",
    "connections get aws_default -o json": "connections get --show-values --output json aws_default",
    "connections list --conn-id aws": "connections list --conn-id aws --output json",
    "connections delete aws": "connections delete aws",
    "connections test aws": "connections test aws",
    "connections export conns.json --file-format json": "connections export conns.json",
    "connections import conns.json --overwrite": "connections import --overwrite conns.json",
    "variables set key value": "variables set key value",
    "variables set -j key '[1]'": "variables set --json key '[1]'",
    "variables get key -d none": "variables get --default none key",
    "variables list": "variables list --output json",
    "variables delete key": "variables delete key",
    "variables import vars.json -a skip": "variables import --action-on-existing-key skip vars.json",
    "variables export vars.json": "variables export vars.json",
    "db migrate": "db upgrade",
    "db init": "db upgrade",
    "db upgrade": "db upgrade",
    "db check": "db check --reachable",
    "db check --retry 3 --retry-delay 2": "db check --reachable --retry 3 --retry-delay 2",
    "db check-migrations -t 60": "db check --retry 60",
    "jobs check --job-type SchedulerJob --hostname box": "db check --output json",
    "dags delete etl -y": "db clean --older-than 0 --skip-archive --dag etl --yes",
    "dags clear etl --run-id r1 --only-failed -y": "tasks clear --run r1 --only-failed --yes etl",
    "db clean --clean-before-timestamp 2024-01-01 --tables dag_run -y": (
        "db clean --yes --before 2024-01-01 --tables dag_run"
    ),
    "standalone": "standalone",
    "scheduler": "scheduler",
    "webserver --port 9000 -w 4": "api-server --port 9000",
    "api-server -H 0.0.0.0": "api-server --host 0.0.0.0",
    "triggerer --capacity 500": "triggerer --capacity 500",
    "celery worker --autoscale 16,2 -q team_a": "scheduler --queues team_a",
    "config get-value core parallelism": "config get core parallelism",
    "config list --section core": "config show core",
    "info": "config show",
    "version": "version",
    "--version": "version",
    "providers list -o json": "provider list --output json",
    "assets details --name orders": "assets show orders",
    "rotate-fernet-key": "crypto rotate",
    "dags trigger --help": "dags trigger --help",
}


def leaf(words: Sequence[str]) -> tuple[Any, list[str]]:
    """Bide's command that `words` name, and its own arguments."""
    command, rest = bide, list(words)
    while hasattr(command, "get_command") and rest:
        command = command.get_command(None, rest.pop(0))
        assert command is not None, words
    return command, rest


def check_taken(words: Sequence[str]) -> None:
    """Bide's own parser reads these arguments, and all of them."""
    if words == ["--help"]:
        return
    command, rest = leaf(words)
    if "--help" not in rest:
        command.make_context("bide", rest)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_turned_into_one_that_bide_takes(line: str) -> None:
    found = translate(shlex.split(line))
    assert found.arguments == shlex.split(LINES[line])
    check_taken(found.arguments)


def whole_line(command: Command) -> Iterator[str]:
    """The command with all that it can take at once."""
    yield from command.path.split()
    values = {"slots": "5", "value": "1", "file": "x.json", "section": "core", "option": "parallelism"}
    yield from (values.get(place.name, "2024-01-01") for place in command.places)
    numbers = (
        "num",
        "max",
        "port",
        "capacity",
        "concurrency",
        "autoscale",
        "worker",
        "map_index",
        "retry",
        "migration",
    )
    for option in command.options:
        if option.refusal is None and option.flags[0] not in ("--subdir", "--uri", "--conn-uri", "--conn-json"):
            yield option.flags[0]
            if option.takes_value:
                own = {
                    "reprocess_behavior": "none",
                    "action_on_existing_key": "skip",
                    "state": "failed",
                    "output": "json",
                    "section": "core",
                }
                yield own.get(option.name, "2" if option.name.startswith(numbers) else "2024-01-01")


@pytest.mark.parametrize("path", [path for path, one in COMMANDS.items() if one.bide])
def test_bide_takes_all_that_a_command_may_have(path: str) -> None:
    found = translate(list(whole_line(COMMANDS[path])))
    assert found.arguments is not None
    check_taken(found.arguments)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("db reset -y", "there is no `airflow db reset` here; instead: stop the engine and delete the store"),
        ("providers hooks", "instead: `bide provider list --output json`"),
        ("dags list -o xml", "--output is one of table, plain, json, yaml, not 'xml'"),
        ("dags trigr etl", "there is no `airflow dags trigr` here; did you mean `airflow dags trigger`?"),
        ("nonsense", "`bide --help` lists Bide's own commands"),
        ("scheduler -D", "airflow scheduler --daemon can't be had here: let systemd"),
        ("dags pause --treat-dag-id-as-regex etl.*", "name one DAG at a time"),
        ("dags trigger", "airflow dags trigger: the following arguments are required: dag_id"),
        ("tasks mark-success -d etl -t load", "the run: its id (--run-id) or its date (-e) is missing"),
        ("celery worker --autoscale many", "'many' is no number of tasks"),
    ],
)
def test_what_can_not_be_says_what_to_do(line: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        translate(shlex.split(line))
    assert words in str(caught.value)


def test_some_have_nothing_to_do_and_some_a_word_to_say() -> None:
    assert translate(shlex.split("users create --role Admin -u ada"))[:3] == (
        None,
        {},
        ["there is one user, admin, with the password in $BIDE_HOME/password"],
    )
    found = translate(shlex.split("celery worker --autoscale 16,2"))
    assert found.environment == {"BIDE__CORE__PARALLELISM": "16"}
    assert translate(["dags", "backfill", "etl", "--pool", "x"]).notes == [
        "--pool has no effect: tasks keep their pools"
    ]


RUN = {
    "dag_id": "etl",
    "run_id": "r",
    "state": "success",
    "type": "scheduled",
    "logical_date": "2026-03-29T00:00:00Z",
    "start": "2026-03-30T00:00:00Z",
    "end": None,
}
TASK = {"task_id": "a", "map_index": -1, "state": "failed", "start": None, "end": None}
POOL = {"pool": "spark", "slots": 5, "open": 5, "description": "", "include_deferred": False}
DAG = {"dag_id": "etl", "file": "/dags/etl.py", "owner": "ada", "paused": False, "tags": []}


@pytest.mark.parametrize(
    ("line", "found", "text"),
    [
        (
            "dags list -o json",
            [DAG],
            '[{"dag_id": "etl", "fileloc": "/dags/etl.py", "owners": ["ada"], "is_paused": "False"}]\n',
        ),
        (
            "dags list",
            [DAG],
            "dag_id | fileloc      | owners | is_paused\n"
            "=======+==============+========+==========\n"
            "etl    | /dags/etl.py | ada    | False\n",
        ),
        (
            "dags list -o plain",
            [DAG],
            "dag_id  fileloc       owners  is_paused\netl     /dags/etl.py  ada     False\n",
        ),
        ("dags list", [], "No data found\n"),
        ("dags list -o yaml", [], "[]\n"),
        (
            "dags unpause etl -o json",
            {"dag_id": "etl", "paused": False},
            '[{"dag_id": "etl", "is_paused": "False"}]\n',
        ),
        (
            "dags trigger etl -c '{\"n\": 1}' -o json",
            {"dag_id": "etl", "run_id": "m", "state": "queued", "logical_date": "2026-03-29T00:00:00Z"},
            '[{"conf": {"n": 1}, "dag_id": "etl", "dag_run_id": "m", "logical_date": "2026-03-29T00:00:00Z", '
            '"state": "queued"}]\n',
        ),
        (
            "dags list-runs etl -s 2026-03-29 -e 2026-03-29 -o json",
            [RUN, {**RUN, "logical_date": "2026-03-28T00:00:00Z"}, {**RUN, "logical_date": "2026-03-29T01:00:00Z"}],
            '[{"dag_id": "etl", "run_id": "r", "state": "success", "logical_date": "2026-03-29T00:00:00Z", '
            '"start_date": "2026-03-30T00:00:00Z", "end_date": null}]\n',
        ),
        ("dags list-runs etl --no-backfill", [{**RUN, "type": "backfill"}], "No data found\n"),
        ("dags state etl r", RUN, "success\n"),
        ("tasks state etl a r", TASK, "failed\n"),
        ("dags next-execution etl", [{"logical_date": "2026-03-29T00:00:00Z"}], "2026-03-29T00:00:00+00:00\n"),
        ("dags next-execution etl", [], "None\n"),
        (
            "tasks states-for-dag-run etl r -o plain",
            {**RUN, "tasks": [TASK, {**TASK, "map_index": 2}]},
            "dag_id  logical_date          task_id  state   start_date  end_date  map_index\n"
            "etl     2026-03-29T00:00:00Z  a        failed\n"
            "etl     2026-03-29T00:00:00Z  a        failed                        2\n",
        ),
        ("variables list -o json", [{"key": "a", "value": "1"}], '[{"key": "a"}]\n'),
        ("variables list --show-values -o json", [{"key": "a", "value": "1"}], '[{"key": "a", "value": "1"}]\n'),
        (
            "pools get spark -o json",
            POOL,
            '[{"pool": "spark", "slots": "5", "description": "", "include_deferred": "False"}]\n',
        ),
        (
            "providers list -o plain",
            [{"package": "apache-airflow-providers-http", "version": "5.3.0", "notifiers": 0}],
            "package_name                   version\napache-airflow-providers-http  5.3.0\n",
        ),
        ("jobs check", {"engine": "bide standalone", "problems": []}, "Found one alive job.\n"),
    ],
)
def test_scripts_find_the_columns_of_airflow(line: str, found: Any, text: str) -> None:
    render = translate(shlex.split(line)).render
    assert render is not None
    assert render(found) == text


def test_help_lists_commands() -> None:
    lines = translate([]).shown
    assert any(line.split() == ["dags", "trigger", "bide", "dags", "trigger"] for line in lines)
    group = translate(["pools", "--help"]).shown
    assert len(group) == 7
    assert translate(["pools"]).shown == group


def test_the_command_does_what_bide_does(project: Project) -> None:
    project.put(project.etl("etl"))
    project.run("first")

    def airflow(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([AIRFLOW, *shlex.split(line)], check=False, capture_output=True, text=True)

    marked = airflow("tasks mark-success -d etl -t extract -e 2026-03-29")
    assert marked.returncode == 0, marked.stderr
    # Without an engine the files tell which tasks there are.
    (project.folder / "dags" / "etl.py").write_text(
        "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n"
        "with DAG('etl'):\n    EmptyOperator(task_id='b') << EmptyOperator(task_id='a')\n"
    )
    assert airflow("tasks list etl").stdout == "a\nb\n"
    told = airflow("tasks states-for-dag-run etl 2026-03-29 -o json")
    assert '"state": "success"' in told.stdout
    assert airflow("tasks state etl extract 2026-03-29").stdout == "success\n"
    missing = airflow("dags state etl 2026-03-30")
    assert (missing.returncode, missing.stdout) == (1, "")
    refused = airflow("db reset")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("airflow: there is no `airflow db reset` here")
    nobody = airflow("jobs check")
    assert (nobody.returncode, nobody.stdout) == (1, "No alive jobs found.\n")
    assert airflow("version").stdout.startswith("3.")


def test_the_version_where_the_names_refuse_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise ImportError("apache-airflow is here, too")

    monkeypatch.setattr(sys, "argv", ["airflow", "version"])
    monkeypatch.setattr("bide.cli.airflow.main.import_module", refuse)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == "airflow: apache-airflow is here, too"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "run `python -m bide.cli.airflow.commands > docs/reference/airflow-commands.md`"
    )
