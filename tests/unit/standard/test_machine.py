"""The machine and the environment."""

import hashlib
import os
import socket
import subprocess
import sys

import pytest

from bide.model.errors import ConfigError
from bide.standard import yaml_text
from bide.standard.machine import execute_in_subprocess, get_hostname, getuser, md5, patch_environ


def test_the_environment_is_as_before_afterwards(monkeypatch):
    monkeypatch.setenv("BIDE_TEST_A", "old")
    with pytest.raises(ZeroDivisionError), patch_environ({"BIDE_TEST_A": "new", "BIDE_TEST_B": "b"}):
        assert (os.environ["BIDE_TEST_A"], os.environ["BIDE_TEST_B"]) == ("new", "b")
        raise ZeroDivisionError
    assert os.environ["BIDE_TEST_A"] == "old" and "BIDE_TEST_B" not in os.environ


def test_the_name_of_the_machine_may_come_from_a_function(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__HOSTNAME_CALLABLE", "socket.gethostname")
    assert get_hostname() == socket.gethostname()
    monkeypatch.setenv("AIRFLOW__CORE__HOSTNAME_CALLABLE", "socket.AF_INET")
    with pytest.raises(ConfigError, match="is no function"):
        get_hostname()


def test_a_user_without_a_name_is_told_what_to_set(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    assert getuser() == "somebody"
    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(ConfigError, match="set the variable USER"):
        getuser()


def test_a_command_must_end_well(tmp_path):
    execute_in_subprocess([sys.executable, "-c", "open('made', 'w').close()"], cwd=str(tmp_path))
    assert (tmp_path / "made").exists()
    with pytest.raises(subprocess.CalledProcessError):
        execute_in_subprocess([sys.executable, "-c", "raise SystemExit(3)"])


def test_md5():
    assert md5(b"a").hexdigest() == hashlib.md5(b"a", usedforsecurity=False).hexdigest()


def test_yaml_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError, match="pip install PyYAML"):
        yaml_text.safe_load("a: 1")
