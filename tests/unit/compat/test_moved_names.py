"""Names of earlier releases warn once, and unknown ones say what to do."""

import importlib
import importlib.util
import subprocess
import sys
import warnings

import pytest

from airflow._moved import MOVED
from bide.authoring.dotted_names import import_string
from bide.model.provider_errors import RemovalWarning

OURS = [
    (module, name, place)
    for module, names in MOVED.items()
    for name, place in names.items()
    if not place.startswith(("airflow.providers.", "bide.standard.operators.dropped_sql."))
    or place.startswith("airflow.providers.standard.")
]


@pytest.mark.parametrize(("module", "name", "place"), OURS)
def test_a_name_that_has_moved_is_the_same_object_and_says_where_it_is(module, name, place):
    with pytest.warns(RemovalWarning, match=rf"^{module}\.{name} has moved: use "):
        found = getattr(importlib.import_module(module), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RemovalWarning)
        assert found is import_string(place)


@pytest.mark.parametrize(
    "line",
    [
        "from airflow.operators.python_operator import PythonOperator",
        "from airflow.operators.dummy import DummyOperator",
        "from airflow.decorators import task",
        "from airflow.contrib.sensors.file_sensor import FileSensor",
        "from airflow.sensors.base_sensor_operator import BaseSensorOperator",
    ],
)
def test_an_import_warns_once_at_its_own_line(line):
    code = compile(line, "dag_file.py", "exec")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        exec(code, {})
    assert [(one.category, one.filename, one.lineno) for one in said] == [(RemovalWarning, "dag_file.py", 1)]


def test_the_warning_names_what_is_better_where_a_path_would_not_help():
    with pytest.warns(RemovalWarning, match="use a fixed start_date"):
        from airflow.utils.dates import days_ago
    assert days_ago(1, hour=6).hour == 6


@pytest.mark.filterwarnings("ignore:.* has moved")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from airflow.models.dag import nosuch", "airflow.models.dag has no name 'nosuch' here: if a DAG file"),
        ("from airflow.utils import nosuch", "airflow.utils has no name 'nosuch' here: if a DAG file"),
        ("from airflow.sdk import DayWindow", "assets have no partitions here: let the task"),
        ("from airflow.partition_mappers.window import Window", "assets have no partitions here: let the task"),
        ("from airflow.timetables.trigger import CronPartitionTimetable", "with asset_policy='each'"),
        (
            "from airflow.example_dags.libs.helper import print_stuff",
            "copy what is imported of them",
        ),
        ("from airflow import executors", "airflow has no name 'executors' here: Bide has its own executors"),
        ("from airflow.settings import nosuch", "settings are read by airflow.configuration.conf"),
        ("from airflow.utils.helpers import prune_dit", "did you mean 'prune_dict'?"),
        ("from airflow.kubernetes.secret import Secret", "'bide provider add cncf-kubernetes'"),
        ("from airflow.kubernetes.volume import Volume", "use airflow.providers.cncf.kubernetes"),
        ("from airflow.lineage.entities import File", "'bide provider add common-compat'"),
        ("from airflow.exceptions import NoSuchThing", "nothing here raises it; catch"),
        ("from airflow.models.taskfail import TaskFail", "no access to the database"),
        ("from airflow.decorators.bash import bash_task", "airflow.sdk.task has them all"),
        ("import airflow.nosuch", "there is no module 'airflow.nosuch' here: if a DAG file"),
        ("from airflow.executors.base_executor import BaseExecutor", "Bide has its own executors"),
        ("import airflow.operators.subdag", "use task groups"),
        ("import airflow.providers.nosuch.hooks", "'bide provider add nosuch'"),
        ("import airflow.providers.apache.nosuch.hooks", "'bide provider add apache-nosuch'"),
        ("import airflow.providers.snowflake.hooks.nosuch", "'bide provider add snowflake'"),
        ("from airflow.providers.snowflake.operators.snowflake import SnowflakeOperator", "add snowflake'"),
        ("from airflow.contrib.operators.snowflake_operator import SnowflakeOperator", "add snowflake'"),
        ("from airflow.providers.snowflake.operators.snowflake import SnowflakeSqlApiOperator", "add snowflake'"),
        ("from airflow.operators.mysql_operator import MySqlOperator", "add mysql'"),
        ("from airflow.providers.http.operators.http import HttpOperator", "add http'"),
        ("from airflow.providers.http.operators.http import SimpleHttpOperator", "add http'"),
        ("from airflow.operators.http_operator import SimpleHttpOperator", "add http'"),
        ("from airflow.sensors.sql import SqlSensor", "add common-sql'"),
    ],
)
def test_an_import_of_what_is_not_there_says_what_to_do(line, said):
    with pytest.raises(ImportError) as failure:
        exec(line, {})
    assert said in str(failure.value)


def test_asking_whether_something_is_there_is_no_error():
    import airflow.models

    assert importlib.util.find_spec("airflow.nosuch") is None
    assert importlib.util.find_spec("airflow.providers.nosuch") is None
    assert not hasattr(airflow.models, "nosuch")


def test_an_attribute_that_is_not_there_is_an_attribute_error():
    import airflow.models

    with pytest.raises(AttributeError, match=r"airflow\.models has no name 'nosuch' here"):
        _ = airflow.models.nosuch


def test_what_is_inside_a_package_needs_no_import_of_its_own():
    code = (
        "import airflow\n"
        "print(airflow.utils.helpers.chain.__name__, airflow.models.DAG.__name__, airflow.utils.dates.__name__)\n"
        "print(hasattr(airflow.utils, 'nosuch'), hasattr(airflow, 'executors'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("chain DAG airflow.utils.dates\nFalse False\n", "")


def test_what_dag_files_read_beside_conf():
    from airflow import settings

    assert settings.DAGS_FOLDER.endswith("/dags") and settings.PLUGINS_FOLDER.endswith("/plugins")
    assert settings.conf is importlib.import_module("airflow.configuration").conf
    assert str(settings.TIMEZONE) == "UTC"


def test_a_whole_file_of_old_imports_runs_with_warnings_that_are_not_shown(tmp_path):
    file = tmp_path / "old_dag.py"
    file.write_text(
        "from airflow import DAG\n"
        "from airflow.operators.bash_operator import BashOperator\n"
        "from airflow.utils.dates import days_ago\n"
        "with DAG('old', schedule=None, start_date=days_ago(1)) as dag:\n"
        "    BashOperator(task_id='hello', bash_command='echo hello')\n"
        "print(dag.task_ids)\n"
    )
    code = f"import runpy; runpy.run_path({str(file)!r}, run_name='dag_file')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("['hello']\n", "")
