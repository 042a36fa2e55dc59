import pytest

from bide.model.errors import ConfigError
from bide.standard.configuration import conf


def test_the_runtime_comes_first_then_the_environment_then_the_fallback(runtime, monkeypatch):
    assert conf.get("demo", "Key", fallback="f") == "f"
    assert not conf.has_option("demo", "key")
    monkeypatch.setenv("AIRFLOW__DEMO__KEY", "a")
    assert conf.get("Demo", "key") == "a"
    monkeypatch.setenv("BIDE__DEMO__KEY", "b")
    assert conf.get("demo", "key") == "b"
    runtime.settings["demo", "key"] = "r"
    assert conf.get("DEMO", "KEY") == "r"
    assert conf.has_option("demo", "key")


def test_it_reads_outside_of_a_task(monkeypatch):
    monkeypatch.setenv("BIDE__DEMO__KEY", "7")
    assert conf.getint("demo", "key") == 7
    assert conf.getfloat("demo", "key") == 7.0


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("yes", True), ("1", True), ("off", False), ("F", False)]
)
def test_truth_has_many_words(runtime, text, value):
    runtime.settings["demo", "key"] = text
    assert conf.getboolean("demo", "key") is value


def test_what_is_missing_or_wrong_is_named(runtime):
    with pytest.raises(ConfigError, match=r"\[demo\] key is not set"):
        conf.get("demo", "key")
    runtime.settings["demo", "key"] = "maybe"
    with pytest.raises(ConfigError, match=r"\[demo\] key must be true or false, not 'maybe'"):
        conf.getboolean("demo", "key")
    with pytest.raises(ConfigError, match=r"\[core\] sql_alchemy_conn is not set; tasks and DAG files have no"):
        conf.get("core", "sql_alchemy_conn")
    with pytest.raises(ConfigError, match="an integer"):
        conf.getint("demo", "key")
    assert conf.getboolean("demo", "other", fallback=None) is None


def test_without_a_fallback_a_setting_is_what_airflow_has_where_nobody_has_set_it(runtime):
    assert conf.get("kubernetes_executor", "namespace") == "default"
    assert conf.get("kubernetes_executor", "namespace", fallback=None) is None
    assert conf.getint("core", "default_task_retries") == 0
    runtime.settings["core", "default_task_retries"] = "3"
    assert conf.getint("core", "default_task_retries") == 3


def test_a_setting_may_be_asked_by_its_older_name(runtime):
    runtime.settings["logging", "remote_logging"] = "True"
    assert conf.getboolean("core", "remote_logging") is True
    assert conf.get("kubernetes", "namespace") == "default"
