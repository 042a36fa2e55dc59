"""Settings that a command prints or a backend of secrets has, and which of several ways counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bide.config.load import load_config
from bide.config.resolved import Config
from bide.model.errors import ConfigError

BACKEND = """
import os
from pathlib import Path
from bide.authoring import secrets_backends

class Vault(secrets_backends.BaseSecretsBackend):
    def __init__(self, token, **kwargs):
        super().__init__(**kwargs)
        if token != "hunter22":
            raise PermissionError(f"{token} is wrong")
        print("I am open")
        with Path(__file__).with_name("asked").open("a") as file:
            file.write("opened\\n")

    def get_config(self, key):
        with Path(__file__).with_name("asked").open("a") as file:
            file.write(f"{key}\\n")
        if key == "sealed":
            raise ConnectionError("the vault is sealed\\nby hunter22")
        if key == "environment":
            return str(len([name for name in os.environ if "FERNET" in name]))
        return {"five": "5", "word": "many", "url": "postgresql://ada:lovelace@h/bide"}.get(key)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "vault.py").write_text(BACKEND)
    return tmp_path


def load(project: Path, cfg: str = "", **variables: str) -> Config:
    (project / "airflow.cfg").write_text(cfg)
    with_backend = {
        "BIDE__SECRETS__BACKEND": "vault.Vault",
        "BIDE__SECRETS__BACKEND_KWARGS": '{"token": "hunter22"}',
        **variables,
    }
    own = {name: value for name, value in with_backend.items() if value}
    return load_config(project, {"PATH": os.environ["PATH"], **own})


def asked(project: Path) -> list[str]:
    path = project / "plugins" / "asked"
    return path.read_text().split() if path.exists() else []


IN_FILE = "[core]\nparallelism = 1\nparallelism_cmd = echo 2\nparallelism_secret = five\n"
AIRFLOW, BIDE = "AIRFLOW__CORE__PARALLELISM", "BIDE__CORE__PARALLELISM"


@pytest.mark.parametrize(
    ("cfg", "variables", "value", "source"),
    [
        # Each way, beaten by all that come after it.
        ("[core]\nparallelism_secret = five\n", {}, 5, "airflow.cfg:2"),
        ("[core]\nparallelism_cmd = echo 2\nparallelism_secret = no\n", {}, 2, "airflow.cfg:2"),
        (IN_FILE, {}, 1, "airflow.cfg:2"),
        (IN_FILE, {f"{AIRFLOW}_SECRET": "five"}, 5, f"{AIRFLOW}_SECRET"),
        (IN_FILE, {f"{AIRFLOW}_SECRET": "no", f"{AIRFLOW}_CMD": "echo 6"}, 6, f"{AIRFLOW}_CMD"),
        (IN_FILE, {f"{AIRFLOW}_SECRET": "no", f"{AIRFLOW}_CMD": "false", AIRFLOW: "7"}, 7, AIRFLOW),
        (IN_FILE, {AIRFLOW: "7", f"{BIDE}_SECRET": "five"}, 5, f"{BIDE}_SECRET"),
        (IN_FILE, {AIRFLOW: "7", f"{BIDE}_SECRET": "no", f"{BIDE}_CMD": "echo 8"}, 8, f"{BIDE}_CMD"),
        (IN_FILE, {AIRFLOW: "7", f"{BIDE}_SECRET": "no", f"{BIDE}_CMD": "false", BIDE: "9"}, 9, BIDE),
    ],
)
def test_of_several_ways_the_last_counts(
    project: Path, cfg: str, variables: dict[str, str], value: int, source: str
) -> None:
    config = load(project, cfg, **variables)
    assert config.settings.core.parallelism == value
    assert config.source("core", "parallelism").removeprefix(f"{project}/") == source
    # What would not count is not asked for.
    assert asked(project) == (["opened", "five"] if value == 5 else [])


def test_the_backend_is_asked_once_for_all_and_told_no_keys(project: Path) -> None:
    config = load(
        project,
        BIDE__STORE__URL_SECRET="url",
        BIDE__CORE__PARALLELISM_SECRET="five",
        AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG_SECRET="environment",
        AIRFLOW__CORE__FERNET_KEY="hush",
        BIDE__CORE__FERNET_KEY_CMD="echo",
        OWN_FERNET_NAME="seen",
    )
    assert config.settings.store.url == "postgresql://ada:lovelace@h/bide"
    assert (config.settings.core.parallelism, config.settings.core.max_active_tasks_per_dag) == (5, 1)
    assert asked(project) == ["opened", "environment", "five", "url"]
    told = config.runner_environment({"BIDE__STORE__URL_SECRET": "url", "BIDE__CORE__PARALLELISM_SECRET": "five"})
    assert not any(name.endswith("_SECRET") or "STORE" in name for name in told)
    assert told["BIDE__CORE__PARALLELISM"] == "5"


S = "BIDE__CORE__PARALLELISM_SECRET"
C = "BIDE__CORE__PARALLELISM_CMD"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({S: "none"}, f"{S}: the backend of secrets vault.Vault has no setting 'none'"),
        (
            {S: "five", "BIDE__SECRETS__BACKEND": ""},
            f"{S} names a secret, but [secrets] backend says of no backend",
        ),
        ({S: "sealed"}, f"{S}: the backend of secrets vault.Vault failed: ConnectionError: the vault is sealed"),
        ({S: "five", "BIDE__SECRETS__BACKEND": "vault.Nothing"}, "there is no class 'vault.Nothing'"),
        ({S: "five", "BIDE__SECRETS__BACKEND_KWARGS": '{"token": "swordfish"}'}, "failed: PermissionError: *** is"),
        ({S: "word"}, f"{S}: core.parallelism is integer >= 1, not ***"),
        (
            {"BIDE__SECRETS__BACKEND_SECRET": "five", "BIDE__SECRETS__BACKEND": ""},
            "BIDE__SECRETS__BACKEND_SECRET: the backend of secrets can't have",
        ),
        (
            {"AIRFLOW__SECRETS__BACKEND_KWARGS_SECRET": "five", "BIDE__SECRETS__BACKEND_KWARGS": ""},
            "its own settings",
        ),
        ({C: "echo many"}, f"{C}: core.parallelism is integer >= 1, not ***"),
        ({C: "ls /no/such/file"}, f"{C}: the command ended with 2: ls: cannot access"),
        ({C: "no-such-command"}, f"{C}: the command can't be run: "),
        ({C: "echo 'open"}, f"{C}: the command can't be run: No closing quotation"),
    ],
)
def test_what_can_not_be_had_is_one_clear_line(project: Path, variables: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(project, **variables)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_a_command_that_prints_nothing_gives_nothing(project: Path) -> None:
    assert load(project, BIDE__CORE__PARALLELISM_CMD="true").settings.core.parallelism != 0
