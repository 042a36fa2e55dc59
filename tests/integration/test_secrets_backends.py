"""Backends of secrets in real processes: what they answer, and what becomes of those that fail, hang or die."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bide.control.lookups import answer_lookup, use_backend
from bide.control.variables import save_variable
from bide.engine.secrets import SecretsBackend
from bide.engine.template import Template
from bide.model.connection_fields import ConnectionFields
from bide.observe.clock import SystemClock
from bide.store import Store
from bide.wire.lookups import ConnectionFound, GetConnection, GetVariable, VariableFound
from bide.wire.messages import Refused
from tests.support.executors import running_template

CODE = """
import os, time
from pathlib import Path
from bide.authoring.secrets_backends import BaseSecretsBackend

class Vault(BaseSecretsBackend):
    def __init__(self, prefix, notes, token=None, **kwargs):
        super().__init__(**kwargs)
        self.prefix, self.notes = prefix, Path(notes)
        if token != "hunter22":
            raise PermissionError(f"wrong token {token}")

    def _look(self, name):
        with self.notes.open("a") as file:
            file.write(f"{os.getpid()} {name}\\n")
        return self.build_path(self.prefix, name)

    def get_conn_value(self, conn_id, team_name=None):
        path = self._look(conn_id)
        return {"c/uri": "postgres://u:pw@h/s", "c/json": '{"conn_type": "http", "extra": {"a": 1}}'}.get(path)

    def get_variable(self, key, team_name=None):
        path = self._look(key)
        if key == "hangs":
            time.sleep(60)
        if key == "dies":
            os._exit(3)
        if key == "raises":
            raise ConnectionError("the vault is sealed")
        return {"c/colour": "red"}.get(path)
"""

Make = Callable[..., SecretsBackend]


@pytest.fixture
async def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Template]:
    monkeypatch.setenv("BIDE__CORE__PLUGINS_FOLDER", str(tmp_path / "plugins"))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "my_vault.py").write_text(CODE)
    async with running_template(tmp_path) as running:
        yield running


@pytest.fixture
async def make(template: Template, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[SecretsBackend] = []

    def new(
        path: str = "my_vault.Vault", *, ttl: float = 60.0, timeout: float = 20.0, **kwargs: Any
    ) -> SecretsBackend:
        given = {"prefix": "c", "notes": str(tmp_path / "notes"), "token": "hunter22", **kwargs}
        made.append(
            SecretsBackend(template, path, json.dumps(given).encode(), SystemClock(), ttl=ttl, timeout=timeout)
        )
        return made[-1]

    yield new
    for backend in made:
        await backend.close()


def notes(folder: Path) -> list[str]:
    return [line.split()[1] for line in (folder / "notes").read_text().splitlines()]


async def test_it_answers_and_answers_are_kept(make: Make, tmp_path: Path) -> None:
    vault = make()
    found = ConnectionFound(ConnectionFields("postgres", host="h", login="u", password="pw", schema="s"))
    assert await vault.ask(GetConnection("uri")) == found
    assert await vault.ask(GetConnection("json")) == ConnectionFound(ConnectionFields("http", extra='{"a": 1}'))
    assert await vault.ask(GetConnection("none")) == ConnectionFound(None)
    together = await asyncio.gather(*(vault.ask(GetVariable("colour")) for _ in range(5)))
    assert together == [VariableFound("red")] * 5
    assert await vault.ask(GetConnection("uri")) == found
    assert await vault.ask(GetConnection("none")) == ConnectionFound(None)
    assert notes(tmp_path) == ["uri", "json", "none", "colour"], "each was asked once"


async def test_without_a_time_to_live_each_question_is_asked(make: Make, tmp_path: Path) -> None:
    vault = make(ttl=0.0)
    for _ in range(2):
        await vault.ask(GetVariable("colour"))
    assert notes(tmp_path) == ["colour", "colour"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("raises", "ConnectionError: the vault is sealed"),
        ("dies", "its process ended: "),
        ("hangs", "it did not answer within 2 s"),
    ],
)
async def test_one_that_fails_answers_the_next_question(make: Make, key: str, reason: str) -> None:
    vault = make(timeout=2.0 if key == "hangs" else 20.0)
    failed = await vault.ask(GetVariable(key))
    assert isinstance(failed, Refused)
    assert failed.reason.startswith(f"the secrets backend my_vault.Vault failed: {reason}")
    assert await vault.ask(GetVariable("colour")) == VariableFound("red")


@pytest.mark.parametrize(
    ("path", "kwargs", "said"),
    [
        ("my_vault.Nothing", {}, "ConfigError: [secrets] backend: there is no class 'my_vault.Nothing'"),
        ("no.such.module", {}, "there is no class 'no.such.module'"),
        ("my_vault.Vault", {"token": "hunter33"}, "PermissionError: wrong token ***"),
    ],
)
async def test_one_that_can_not_be_made_says_why(make: Make, path: str, kwargs: dict[str, Any], said: str) -> None:
    failed = await make(path, **kwargs).ask(GetVariable("colour"))
    assert isinstance(failed, Refused)
    assert said in failed.reason
    assert "hunter33" not in failed.reason


async def test_the_store_comes_after_the_backend(make: Make, store: Store) -> None:
    vault = make()
    use_backend(store, vault.ask)
    for key in ("colour", "mine", "raises"):
        await save_variable(store, key, "of the store", by="ada")
    assert await answer_lookup(store, GetVariable("colour")) == VariableFound("red", kept_by="secrets backend")
    assert await answer_lookup(store, GetVariable("mine")) == VariableFound("of the store", kept_by="store")
    assert await answer_lookup(store, GetVariable("none")) == VariableFound(None)
    assert await answer_lookup(store, GetVariable("raises")) == VariableFound("of the store", kept_by="store")
    lost = await answer_lookup(store, GetVariable("dies"))
    assert isinstance(lost, Refused) and "my_vault.Vault failed" in lost.reason
    use_backend(store, None)
    assert await answer_lookup(store, GetVariable("colour")) == VariableFound("of the store", kept_by="store")


async def test_files_are_a_backend(make: Make, template: Template, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"db": ["postgres://h"], "api": {"conn_type": "http"}}')
    (tmp_path / "v.env").write_text("colour=red\n")
    kwargs = {"connections_file_path": str(tmp_path / "c.json"), "variables_file_path": str(tmp_path / "v.env")}
    backend = SecretsBackend(
        template,
        "bide.authoring.secrets_backends.LocalFilesystemBackend",
        json.dumps(kwargs).encode(),
        SystemClock(),
        ttl=0.0,
        timeout=20.0,
    )
    try:
        assert await backend.ask(GetConnection("db")) == ConnectionFound(ConnectionFields("postgres", host="h"))
        assert await backend.ask(GetConnection("none")) == ConnectionFound(None)
        assert await backend.ask(GetVariable("colour")) == VariableFound("red")
        (tmp_path / "v.env").write_text("colour=blue\n")
        assert await backend.ask(GetVariable("colour")) == VariableFound("blue")
    finally:
        await backend.close()
