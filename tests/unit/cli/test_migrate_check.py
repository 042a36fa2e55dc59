"""``bide migrate check``: what is said of files for Airflow, without importing them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bide.cli.migrate import judging
from bide.cli.migrate.judging import Finding, Place, judge
from bide.cli.migrate.reading import Imported, Used, read_facts
from bide.model.errors import ConfigError

Bide = Callable[..., Result]

READY = """
from __future__ import annotations
import logging
from typing import TYPE_CHECKING
from airflow import DAG
import airflow.utils.timezone as tz
from airflow.models.baseoperator import chain
from airflow.sdk import task
from airflow.providers.standard.operators.bash import BashOperator
from shared.words import WORD
from .near import far
import beside
try:
    from airflow.providers.moon.hooks import MoonHook
    import no_such_module_at_all
except ImportError:
    MoonHook = None
if TYPE_CHECKING:
    from airflow.nonsense import Never
    import never

with DAG("ready", start_date=tz.datetime(2024, 1, 1)):
    BashOperator(task_id="b", bash_command="true", retries=1, do_xcom_push=False)
"""


def found(source: str, *folders: Path) -> list[tuple[int, str, str, str]]:
    return [(one.line, one.level, one.kind, one.name) for one in judge(read_facts(source), Place(folders))]


def only(source: str) -> Finding:
    (one,) = judge(read_facts(source), Place([]))
    return one


def test_what_runs_as_it_is_has_at_most_notes(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "beside.py").touch()
    assert found(READY, tmp_path) == [(7, "note", "import", "airflow.models.baseoperator.chain")]


@pytest.mark.parametrize(
    ("source", "finding", "words"),
    [
        (
            "from airflow.operators.python_operator import PythonOperator",
            (1, "note", "import", "airflow.operators.python_operator.PythonOperator"),
            "works; newer: airflow.providers.standard.operators.python.PythonOperator",
        ),
        (
            "from airflow.operators.subdag import SubDagOperator",
            (1, "change", "import", "airflow.operators.subdag.SubDagOperator"),
            "use task groups",
        ),
        ("import airflow.nonsense", (1, "change", "import", "airflow.nonsense"), "there is no module"),
        (
            "from airflow.sdk import taks",
            (1, "change", "import", "airflow.sdk.taks"),
            "did you mean 'task'?",
        ),
        (
            "from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor",
            (1, "install", "provider", "airflow.providers.amazon.aws.sensors.s3.S3KeySensor"),
            "bide provider add amazon",
        ),
        (
            "from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator",
            (1, "install", "provider", "airflow.providers.apache.spark.operators.spark_submit.SparkSubmitOperator"),
            "bide provider add apache-spark",
        ),
        (
            "from airflow.contrib.operators.ssh_operator import SSHOperator",
            (1, "install", "provider", "airflow.contrib.operators.ssh_operator.SSHOperator"),
            "bide provider add ssh; it is airflow.providers.ssh.operators.ssh.SSHOperator now",
        ),
        (
            "from airflow.contrib.operators.snowflake_operator import SnowflakeOperator",
            (1, "install", "provider", "airflow.contrib.operators.snowflake_operator.SnowflakeOperator"),
            "bide provider add snowflake",
        ),
        ("import no_such_package.part", (1, "install", "package", "no_such_package"), "no_such_package"),
        ("print 'hello'", (1, "change", "syntax", ""), "this is no Python 3."),
        (
            "from airflow import DAG\nDAG('x', default_view='graph')",
            (2, "note", "argument", "DAG(default_view=)"),
            "has no effect",
        ),
        (
            "from airflow.sdk import dag\n@dag(catchup=True)\ndef f(): ...",
            (2, "note", "catchup", "catchup=True"),
            "has taken over its runs",
        ),
        (
            "from airflow.sdk import BaseOperator\nBaseOperator(task_id='x', nonsense=1)",
            (2, "change", "argument", "BaseOperator(nonsense=)"),
            "there is no such argument",
        ),
        (
            "from airflow import settings\nsession = settings.Session()",
            (2, "change", "database", "airflow.settings.Session"),
            "no access to the database",
        ),
        (
            "from airflow.utils.session import provide_session\n@provide_session\ndef f(session=None): ...",
            (2, "change", "database", "airflow.utils.session.provide_session"),
            "no access to the database",
        ),
        (
            "from airflow.utils.session import create_session as cs\nwith cs() as s: s.query(1)",
            (2, "change", "database", "airflow.utils.session.create_session"),
            "no access to the database",
        ),
        (
            "from airflow.models import DagModel\nDagModel.get_dagmodel('x')",
            (2, "change", "database", "airflow.models.DagModel.get_dagmodel"),
            "other runs by the REST API",
        ),
        (
            "from airflow.models import DagModel\nDagModel.dag_id",
            (2, "change", "database", "airflow.models.DagModel.dag_id"),
            "no access to the database",
        ),
        (
            "def f(ti): return ti.handle_failure('no')",
            (1, "change", "database", "handle_failure()"),
            "use an error: whatever the task raises",
        ),
        (
            "from airflow.configuration import conf\nconf.get('database', 'sql_alchemy_conn')",
            (2, "change", "database", "sql_alchemy_conn"),
            "no access to the database",
        ),
    ],
)
def test_what_needs_something_says_what(source: str, finding: tuple[int, str, str, str], words: str) -> None:
    one = only(source)
    assert (one.line, one.level, one.kind, one.name) == finding
    assert words in one.advice


@pytest.fixture
def moon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed provider package, whose import would fail."""
    import airflow

    package = tmp_path / "site" / "airflow" / "providers" / "moon"
    package.mkdir(parents=True)
    (package / "hooks.py").write_text("raise SystemExit\n\nclass MoonHook: ...\nfrom x import Y as Z\n")
    monkeypatch.setattr(airflow, "__path__", [*airflow.__path__, str(tmp_path / "site" / "airflow")])
    monkeypatch.setattr(judging, "_installed", lambda package: "2.1.0" if package == "moon" else None)
    judging._names_of.cache_clear()  # pyright: ignore[reportPrivateUsage]
    yield
    judging._names_of.cache_clear()  # pyright: ignore[reportPrivateUsage]


@pytest.mark.usefixtures("moon")
def test_packages_that_are_installed_are_read_and_not_imported() -> None:
    assert found("from airflow.providers.moon.hooks import MoonHook, Z") == []
    assert found("import airflow.providers.moon.hooks") == []
    gone = only("from airflow.providers.moon.hooks import OldHook")
    assert (gone.level, gone.advice[:58]) == (
        "change",
        "apache-airflow-providers-moon 2.1.0 has no OldHook in airf",
    )
    assert "has no module airflow.providers.moon.old" in only("from airflow.providers.moon.old import X").advice


@pytest.mark.parametrize(
    ("decorator", "use"),
    [
        ("@task.virtualenv(requirements=['six'])\n", ""),
        ("@task.external_python(python='/opt/python')\n", ""),
        ("@task.docker(image='python')\n", ""),
        ("", "PythonVirtualenvOperator(task_id='a', python_callable=away)\n"),
        ("", "python.ExternalPythonOperator(task_id='a', python_callable=away)\n"),
    ],
)
def test_packages_of_what_runs_elsewhere_are_not_asked_for(decorator: str, use: str) -> None:
    imports = read_facts(f"{decorator}def away():\n    import not_here\nimport not_here_either\n{use}").imports
    assert [(one.module, one.is_optional) for one in imports] == [("not_here", True), ("not_here_either", False)]


def test_texts_are_read_as_python_reads_them() -> None:
    facts = read_facts(
        "import a.b as c, d.e\nfrom f import g\ntry:\n    import h\nexcept OSError: pass\nc.x.y(k=1)(d.e.z)\n"
    )
    assert facts.imports == [
        Imported("a.b", None, 1, False),
        Imported("d.e", None, 1, False),
        Imported("f", "g", 2, False),
        Imported("h", None, 4, False),
    ]
    assert Used("a.b.x.y", 6, ("k",), True) in facts.uses
    assert Used("d.e.z", 6) in facts.uses
    assert len(facts.uses) == 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dags = tmp_path / "flows"
    (dags / "team").mkdir(parents=True)
    (dags / "ready.py").write_text("from airflow import DAG\nDAG('a', catchup=True), DAG('b', catchup=False)\n")
    (dags / "team" / "cloud.py").write_text("from airflow.providers.amazon.aws.hooks.s3 import S3Hook\n")
    (dags / "old.py").write_text("print 'x'\n")
    (dags / "later.py").write_text("this is not to be read")
    (dags / ".airflowignore").write_text("later.py\n")
    return dags


def test_a_folder_is_summed_up(folder: Path, bide: Bide) -> None:
    told = bide("migrate", "check", str(folder), "-o", "json")
    assert told.exit_code == 1
    found: dict[str, Any] = json.loads(told.stdout)
    assert [(one["file"], one["verdict"]) for one in found["files"]] == [
        ("old.py", "change"),
        ("ready.py", "ready"),
        ("team/cloud.py", "install"),
    ]
    assert found["providers"] == [{"needed": "amazon", "files": 1}]
    assert found["summary"] == {
        "files": 3,
        "others": 0,
        "ready": 1,
        "install": 1,
        "change": 1,
        "percent_ready": 33,
        "percent_once_installed": 66,
    }
    shown = bide("migrate", "check", str(folder)).stdout
    assert (
        "1 of 3 files run as they are (33 %), 1 more once packages are installed (66 %), 1 need a change" in shown
    )
    assert "team/cloud.py" in shown
    assert "1 with catchup=True: take over their runs by `bide migrate import`" in shown
    assert "To install the provider packages: bide provider add amazon\n" in shown


def test_a_folder_that_is_ready_ends_well(folder: Path, bide: Bide) -> None:
    assert bide("migrate", "check", str(folder / "ready.py")).exit_code == 0
    missing = bide("migrate", "check", str(folder / "nowhere"))
    assert (missing.exit_code, "there is no folder" in missing.stderr) == (2, True)


def test_without_the_aliases_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "airflow._moved", None)
    with pytest.raises(ConfigError, match="install bide-airflow"):
        judging.check_aliases()


def test_files_that_are_hard_to_read_are_judged_as_they_will_be_imported(tmp_path: Path, bide: Bide) -> None:
    dags = tmp_path / "flows"
    (dags / "lib").mkdir(parents=True)
    imports = b"from airflow import DAG\n"
    (dags / "old.py").write_bytes(imports + b"# caf\xe9\n")
    (dags / "declared.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + imports + b"# caf\xe9\n")
    (dags / "marked.py").write_bytes(b"\xef\xbb\xbf" + imports)
    (dags / "nul.py").write_bytes(imports + b"x = 1\0\n")
    (dags / "broken.zip").write_bytes(b"PK")
    with zipfile.ZipFile(dags / "pack.zip", "w") as pack:
        pack.writestr("etl.py", imports + b"import beside\nfrom airflow.nope import x\n")
        pack.writestr("beside.py", "x = 1\n")
        pack.writestr("deep/other.py", "from airflow.nope import dag\n")
    (dags / "again").symlink_to(dags)
    (dags / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (dags / "report.sql").write_text("SELECT '{{ ds }}'")
    (dags / "lib" / "plain.py").write_text("x = 1\n")
    (dags / "lib" / "empty.py").write_text("")
    (dags / "lib" / "wrong.py").write_text("from airflow.nope import x\n")
    found: dict[str, Any] = json.loads(bide("migrate", "check", str(dags), "-o", "json").stdout)
    changes = {one["file"]: one["findings"][0] for one in found["files"] if one["verdict"] == "change"}
    assert set(changes) == {"broken.zip", "lib/wrong.py", "nul.py", "old.py", "pack.zip/etl.py"}
    assert (changes["old.py"]["line"], "is no utf-8 text" in changes["old.py"]["advice"]) == (2, True)
    assert changes["pack.zip/etl.py"]["line"] == 3
    # Modules without DAGs, in which nothing is to be done, don't make the share of what runs any better.
    assert found["summary"]["others"] == 2
    assert (found["summary"]["files"], found["summary"]["ready"], found["summary"]["change"]) == (7, 2, 5)
    assert "Not counted: 2 without DAGs" in bide("migrate", "check", str(dags)).stdout
