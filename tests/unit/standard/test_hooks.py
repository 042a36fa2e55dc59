"""Hooks that need no service."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from bide.model.errors import ConfigError
from bide.standard.hooks.filesystem import FSHook
from bide.standard.hooks.package_index import PackageIndexHook
from bide.standard.hooks.subprocess import SubprocessHook


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIDE_CONN_NAS", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path)}}))
    hook = FSHook("nas")
    assert (hook.get_path(), hook.test_connection()) == (str(tmp_path), (True, f"{tmp_path} is there"))
    monkeypatch.setenv("BIDE_CONN_NAS", json.dumps({"conn_type": "fs"}))
    assert FSHook("nas").test_connection()[0] is False


def test_a_command(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    code = "import os, sys; print('hello'); print(os.environ['NAME'], os.getcwd()); sys.exit(3)"
    done = SubprocessHook().run_command([sys.executable, "-c", code], env={"NAME": "moon"}, cwd=str(tmp_path))
    assert done == (3, f"moon {tmp_path}")
    assert "hello" in caplog.messages
    away = SubprocessHook().run_command([sys.executable, "-c", "import os; print(os.getcwd())"])
    assert not Path(away.output).exists(), "its own folder goes with it"


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "https://index.example/simple"}, "https://index.example/simple"),
        ({"host": "index.example", "login": "me", "password": "a/b"}, "https://me:a%2Fb@index.example"),
    ],
)
def test_an_index(connection: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE_CONN_INDEX", json.dumps({"conn_type": "package_index", **connection}))
    assert PackageIndexHook("index").get_connection_url() == url


def test_an_index_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE_CONN_INDEX", json.dumps({"conn_type": "package_index"}))
    assert PackageIndexHook("index").test_connection()[0] is False
    with pytest.raises(ConfigError, match="has no host"):
        PackageIndexHook("index").get_conn()
