"""Settings: which source wins, where state lies, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from bide.config.load import load_config
from bide.config.resolved import Config
from bide.config.table import setting_rows
from bide.model.errors import ConfigError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path


def write(project: Path, text: str) -> Path:
    path = project / "bide.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(cwd, environ or {})
    return str(caught.value)


def parallelism(config: Config) -> tuple[int, str]:
    return config.settings.core.parallelism, config.source("core", "parallelism")


def test_sources_win_in_rising_order(project: Path) -> None:
    assert parallelism(load_config(project, {})) == (32, "default")
    path = write(project, "# mine\n[core]\nparallelism = 2\n")
    assert parallelism(load_config(project, {})) == (2, f"{path}:3")
    environ = {"BIDE__CORE__PARALLELISM": "3"}
    assert parallelism(load_config(project, environ)) == (3, "BIDE__CORE__PARALLELISM")
    flags = {("core", "parallelism"): ("--parallelism", 4)}
    assert parallelism(load_config(project, environ, flags)) == (4, "--parallelism")


def test_the_project_is_the_nearest_folder_upwards(project: Path) -> None:
    deep = project / "dags" / "team" / "etl"
    deep.mkdir(parents=True)
    config = load_config(deep, {})
    assert config.project == project
    assert config.home == project / ".bide"
    assert config.dags_folder == project / "dags"
    assert config.store_path == project / ".bide" / "bide.db"
    assert config.logs_root == project / ".bide" / "logs"


def test_without_a_project_the_current_folder_is_one() -> None:
    # Not a folder of the machine, whose parents may have DAGs.
    assert load_config(Path("/no/such/folder"), {}).project == Path("/no/such/folder")


def test_bide_home_moves_the_state(project: Path, tmp_path: Path) -> None:
    config = load_config(project, {"BIDE_HOME": str(tmp_path / "state")})
    assert config.home == tmp_path / "state"
    assert config.store_path == tmp_path / "state" / "bide.db"


def test_a_store_on_postgresql_shows_no_password(project: Path) -> None:
    url = "postgresql+psycopg2://ada:love%20lace@db:5433/bide?sslmode=require"
    config = load_config(project, {"BIDE__STORE__URL": url})
    assert (config.is_shared, config.store_url) == (True, url)
    hidden = "postgresql+psycopg2://ada:***@db:5433/bide?sslmode=require"
    assert config.shown_store == config.shown_value("store", "url") == hidden
    assert "lace" not in repr(config)
    assert "BIDE__STORE__URL" not in config.runner_environment({"BIDE__STORE__URL": url})


def test_a_store_beside_the_project(project: Path) -> None:
    write(project, '[store]\nurl = "sqlite:///data/runs.db"\n')
    assert load_config(project, {}).store_path == project / "data" / "runs.db"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cor]\nparallelism = 1\n", ":1: there is no section [cor]; did you mean core?"),
        (
            "[core]\n\nparalellism = 1\n",
            ":3: section [core] has no setting 'paralellism'; did you mean parallelism?",
        ),
        ("[core]\nport = 1\n", ":2: section [core] has no setting 'port'; did you mean api.port?"),
        ('[core]\nparallelism = "many"\n', ':2: core.parallelism is integer >= 1, not "many"'),
        ("[core]\nparallelism = 0\n", ":2: core.parallelism is integer >= 1, not 0"),
        ("[core]\nparallelism = true\n", ":2: core.parallelism is integer >= 1, not true"),
        (
            '[local_executor]\nisolation = "thread"\n',
            ':2: local_executor.isolation is "worker" or "process", not "thread"',
        ),
        ("core.parallelism = 0\n", ":1: core.parallelism is integer >= 1"),
        ("parallelism = 4\n", ":1: parallelism = ... stands outside of a section"),
        (
            '[core]\ndefault_timezone = "Mars/Base"\n',
            ":2: core.default_timezone: no time zone is called 'Mars/Base'",
        ),
        (
            '[store]\nurl = "postgresql://ada:lovelace@x"\n',
            ":2: store.url must be sqlite:/// and a path, or postgresql://USER@HOST/DATABASE, "
            "not 'postgresql://ada:***@x'",
        ),
        (
            '[logging]\nlog_filename_template = "{dag_id}.log"\n',
            ":2: logging.log_filename_template: log template '{dag_id}.log' must name task_id",
        ),
        ("[core\n", " is not valid TOML: "),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(project: Path, text: str, words: str) -> None:
    path = write(project, text)
    message = refused(project)
    assert message.startswith(str(path))
    assert words in message


def test_a_file_that_is_no_text_is_refused(project: Path) -> None:
    (project / "bide.toml").write_bytes(b"[core]\n\xff")
    assert "is not UTF-8 text: byte 7 is 0xff" in refused(project)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "BIDE__CORE__PARALELISM",
            "1",
            "section [core] has no setting 'paralelism'; did you mean parallelism?",
        ),
        ("BIDE__CROE__PARALLELISM", "1", "there is no such setting; did you mean BIDE__CORE__PARALLELISM?"),
        ("BIDE__CORE", "1", "there is no such setting"),
        ("BIDE__CORE__PARALLELISM", "many", "core.parallelism is integer >= 1, not 'many'"),
        ("BIDE__OPERATORS__DEFAULT_DEFERRABLE", "maybe", "is true or false, not 'maybe'"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(project: Path, variable: str, value: str, words: str) -> None:
    message = refused(project, {variable: value})
    assert message.startswith(f"{variable}: ")
    assert words in message


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("BIDE__OPERATORS__DEFAULT_DEFERRABLE", "True", True),
        ("BIDE__OPERATORS__DEFAULT_DEFERRABLE", "yes", True),
        ("BIDE__OPERATORS__DEFAULT_DEFERRABLE", "0", False),
        ("BIDE__LOCAL_EXECUTOR__PRELOAD", "numpy, pandas", ["numpy", "pandas"]),
        ("BIDE__LOCAL_EXECUTOR__PRELOAD", '["numpy"]', ["numpy"]),
        ("BIDE__LOCAL_EXECUTOR__PRELOAD", "", []),
        ("BIDE__LOCAL_EXECUTOR__GRACE_SEC", "2", 2.0),
        ("BIDE__TRIGGERER__CAPACITY", "5", 5),
    ],
)
def test_text_of_the_environment_becomes_the_type(project: Path, variable: str, text: str, value: object) -> None:
    config = load_config(project, {variable: text})
    _, section, key = variable.lower().split("__")
    assert config.value(section, key) == value


def test_other_variables_are_nobodys_business(project: Path) -> None:
    load_config(project, {"BIDE_RUNNER": "x", "BIDEN": "y", "PATH": "/bin"})


def test_airflows_variables_count_where_they_mean_the_same(project: Path) -> None:
    environ = {
        "AIRFLOW__EMAIL__DEFAULT_EMAIL_ON_RETRY": "False",
        "AIRFLOW__CORE__PARALLELISM": "5",
        "AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS": "False",
        "AIRFLOW__SCHEDULER__NO_SUCH_SETTING": "1",
        "AIRFLOW__LOGGING__LOG_FILENAME_TEMPLATE": "{{ ti.dag_id }}",
        "AIRFLOW__CORE__FERNET_KEY": "of another installation",
    }
    config = load_config(project, environ)
    assert parallelism(config) == (5, "AIRFLOW__CORE__PARALLELISM")
    assert not config.settings.scheduler.create_cron_data_intervals
    assert not config.settings.email.default_email_on_retry
    assert config.runner_environment(environ)["BIDE__SCHEDULER__CREATE_CRON_DATA_INTERVALS"] == "false"
    assert config.source("logging", "log_filename_template") == config.source("core", "fernet_key") == "default"
    both = {**environ, "BIDE__CORE__PARALLELISM": "6"}
    assert parallelism(load_config(project, both)) == (6, "BIDE__CORE__PARALLELISM")
    wrong = {"AIRFLOW__CORE__PARALLELISM": "many"}
    assert refused(project, wrong).startswith("AIRFLOW__CORE__PARALLELISM: core.parallelism is")


def test_what_runners_are_told_reads_back_as_the_same_settings(project: Path) -> None:
    write(project, '[operators]\ndefault_deferrable = true\n[core]\ndefault_timezone = "Europe/Berlin"\n')
    config = load_config(project, {})
    told = config.runner_environment({})
    assert told["BIDE__OPERATORS__DEFAULT_DEFERRABLE"] == "true"
    assert not any(name.startswith(("BIDE__STORE", "BIDE__API")) for name in told)
    again = load_config(Path("/"), told)
    # A path counts from a folder that they know nothing of.
    there = msgspec.structs.replace(
        config.settings.core, plugins_folder=str(config.plugins_folder), dags_folder=str(config.dags_folder)
    )
    assert again.settings.core == there
    assert again.settings.operators == config.settings.operators


def test_every_setting_has_a_meaning_and_a_type_in_words() -> None:
    for row in setting_rows().values():
        assert row.meaning.endswith("."), row.name
        assert row.type_name
