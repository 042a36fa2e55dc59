"""Keys: from the setting, else from a file that is whole, private and made once; and nobody is shown one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bide.config.fernet_keys import FernetKeys, generate_key, is_key
from bide.config.load import load_config
from bide.config.resolved import Config
from bide.model.errors import ConfigError
from bide.observe.masking import forget_secrets, mask
from tests.support.keys import KEY, OTHER_KEY

VARIABLE = "BIDE__CORE__FERNET_KEY"
#: Waits for a line on standard input, then makes or reads the keys.
RACER = """
import sys
from pathlib import Path
from bide.config.fernet_keys import FernetKeys
from bide.config.load import load_config
keys = FernetKeys(load_config(Path(sys.argv[1]), {}))
print("ready", flush=True)
sys.stdin.readline()
print(*keys.load())
"""


@pytest.fixture(autouse=True)
def no_secrets_left() -> object:
    yield
    forget_secrets()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path


@pytest.fixture
def key_file(project: Path) -> Path:
    path = project / ".bide" / "keys" / "fernet.key"
    path.parent.mkdir(parents=True)
    path.write_text(f"{KEY}\n{OTHER_KEY}\n")
    path.chmod(0o600)
    return path


def keys_of(project: Path, **environ: str) -> FernetKeys:
    return FernetKeys(load_config(project, environ))


def with_keys(project: Path) -> Config:
    return load_config(project, {VARIABLE: f"{KEY}, {OTHER_KEY}"})


def test_a_generated_key_is_one_and_no_two_are_the_same() -> None:
    assert is_key(generate_key())
    assert len({generate_key() for _ in range(10)}) == 10


def test_the_setting_comes_before_the_file(project: Path, key_file: Path) -> None:
    assert list(keys_of(project).load()) == [KEY, OTHER_KEY]
    assert list(keys_of(project, **{VARIABLE: OTHER_KEY}).load()) == [OTHER_KEY]


def test_keys_in_the_environment_are_parted_by_commas(project: Path) -> None:
    assert list(FernetKeys(with_keys(project)).load()) == [KEY, OTHER_KEY]
    assert not (project / ".bide").exists()


def test_an_empty_variable_is_no_key(project: Path) -> None:
    keys = keys_of(project, **{VARIABLE: ""})
    assert keys.path == project / ".bide" / "keys" / "fernet.key"


def test_the_file_is_made_at_first_use_for_its_owner_alone(project: Path) -> None:
    path = project / ".bide" / "keys" / "fernet.key"
    mask_before = os.umask(0)
    try:
        made = list(keys_of(project).load())
    finally:
        os.umask(mask_before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [is_key(key) for key in made] == [True]
    assert list(keys_of(project).load()) == made
    assert [one.name for one in path.parent.iterdir()] == ["fernet.key"]


def test_looking_again_makes_no_file(project: Path) -> None:
    """The file was removed under a running engine: a new key would only hide that."""
    assert list(keys_of(project).reload()) == []
    assert not (project / ".bide").exists()


def test_processes_that_make_it_at_once_get_the_same_key(project: Path) -> None:
    command = [sys.executable, "-c", RACER, str(project)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    told = [racer.communicate()[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert len(set(told)) == 1
    assert is_key(told[0])
    folder = project / ".bide" / "keys"
    assert [one.name for one in folder.iterdir()] == ["fernet.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644])
def test_a_file_that_others_may_read_is_refused(project: Path, key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        keys_of(project).load()
    assert f"mode {mode:04o}" in str(caught.value)
    assert f"`chmod 600 {key_file}`" in str(caught.value)
    assert list(keys_of(project).reload()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (f"{KEY}\nnot-a-key\n", "key 2 of 2 is no Fernet key"),
        (KEY[:-4], "key 1 of 1 is no Fernet key"),
        (KEY.replace("b", "!"), "key 1 of 1 is no Fernet key"),
    ],
)
def test_a_file_without_proper_keys_is_refused(project: Path, key_file: Path, text: str, words: str) -> None:
    key_file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        keys_of(project).load()
    assert "not-a-key" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_wrong_key_in_the_setting_is_refused_without_being_told(project: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(project, {VARIABLE: f"{KEY},hunter2-is-no-key"})
    assert str(caught.value).startswith(f"{VARIABLE}: core.fernet_key: key 2 of 2 is no Fernet key")
    (project / "bide.toml").write_text("[core]\nfernet_key = 'hunter2-is-no-list'\n")
    with pytest.raises(ConfigError) as wrong_type:
        load_config(project, {})
    assert "core.fernet_key is list of text, not ***" in str(wrong_type.value)
    assert "hunter2" not in str(caught.value) + str(wrong_type.value)


def test_a_key_is_added_before_the_others(project: Path, key_file: Path) -> None:
    new = generate_key()
    keys_of(project).add(new)
    assert list(keys_of(project).load()) == [new, KEY, OTHER_KEY]
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match=rf"come from \[core\] fernet_key \({VARIABLE}\)"):
        keys_of(project, **{VARIABLE: KEY}).add(new)


def test_no_key_is_shown(project: Path) -> None:
    config = with_keys(project)
    shown = [repr(config), str(config), f"{config.settings}", repr(config.settings.core.__rich_repr__())]
    shown += [repr(config.shown_value("core", "fernet_key")), repr(FernetKeys(config))]
    assert all(KEY not in text and OTHER_KEY not in text for text in shown)
    assert "fernet_key='***'" in repr(config)
    assert "parallelism=32" in repr(config)
    assert msgspec.structs.replace(config.settings.core, fernet_key=[]) != config.settings.core


def test_keys_are_masked_in_logs(project: Path) -> None:
    FernetKeys(with_keys(project)).load()
    assert mask(f"the key {KEY} leaked") == "the key *** leaked"


def test_runners_are_told_no_key_and_no_database(project: Path) -> None:
    environ = {
        VARIABLE: KEY,
        "BIDE__STORE__URL": "sqlite:////data/bide.db",
        "BIDE__API__PORT": "9000",
        "BIDE__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__FERNET_KEY": KEY,
        "AIRFLOW__CORE__FERNET_KEY_CMD": "cat key",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://ada:pw@host/db",
        "PATH": "/bin",
    }
    told = load_config(project, environ).runner_environment(environ)
    assert told["PATH"] == "/bin"
    assert told["BIDE__CORE__PARALLELISM"] == "3"
    gone = ("FERNET", "STORE", "BIDE__API", "DATABASE")
    assert [name for name in told if any(part in name for part in gone)] == []
    assert KEY not in str(told)
