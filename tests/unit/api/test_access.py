"""Who is let in: credentials, tokens, hosts and origins."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from bide.api.auth import Accounts, ensure_password
from bide.model.errors import ConfigError
from tests.support.clock import HeldClock

from .conftest import PASSWORD

OPEN = {"/api/v2/monitor/health", "/api/v2/version", "/auth/token", "/callbacks/{token}"}


def _routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


async def test_everything_but_health_and_version_needs_a_login(app: FastAPI, anyone: httpx.AsyncClient) -> None:
    paths = app.openapi()["paths"]
    assert len(paths) > 10
    for path, methods in paths.items():
        for method in methods:
            url = path
            for name in ("dag_id", "dag_run_id", "task_id", "xcom_key"):
                url = url.replace(f"{{{name}}}", "etl")
            url = url.replace("{map_index}", "1").replace("{try_number}", "1")
            answer = await anyone.request(method.upper(), url, json={})
            if path in OPEN:
                assert answer.status_code != 401, path
            else:
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"].startswith("Bearer ")
                assert "log in first" in answer.json()["detail"]


async def test_the_description_is_there_for_everyone(anyone: httpx.AsyncClient) -> None:
    described = (await anyone.get("/openapi.json")).json()
    assert "/api/v2/dags/{dag_id}/dagRuns" in described["paths"]
    assert (await anyone.get("/docs")).status_code == 200
    root = await anyone.get("/")
    assert (root.status_code, root.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + "x"])
async def test_a_wrong_password_is_refused(anyone: httpx.AsyncClient, password: str) -> None:
    answer = await anyone.get("/api/v2/dags", auth=httpx.BasicAuth("admin", password))
    assert answer.status_code == 401
    answer = await anyone.post("/auth/token", json={"username": "admin", "password": password})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "wrong user name or password"}


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic YWRtaW4=", "Bearer", "Bearer x", "Digest x", "x"])
async def test_a_header_that_says_nothing_is_refused(anyone: httpx.AsyncClient, header: str) -> None:
    answer = await anyone.get("/api/v2/dags", headers={"Authorization": header})
    assert answer.status_code == 401


async def test_a_token_lets_in_until_it_expires(anyone: httpx.AsyncClient, clock: HeldClock) -> None:
    answer = await anyone.post("/auth/token", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 201
    given = answer.json()
    assert given["token_type"] == "bearer"
    assert given["expires_in"] == 60.0
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    clock.advance(59.0)
    assert (await anyone.get("/api/v2/dags", headers=headers)).status_code == 200
    clock.advance(1.0)
    assert (await anyone.get("/api/v2/dags", headers=headers)).status_code == 401


def test_tokens_that_have_expired_are_forgotten(clock: HeldClock) -> None:
    accounts = Accounts(PASSWORD, clock, token_lifetime=10.0)
    first = accounts.issue_token()
    clock.advance(11.0)
    second = accounts.issue_token()
    assert not accounts.check_token(first)
    assert accounts.check_token(second)
    assert len(accounts._tokens) == 1


def test_the_password_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "password"
    password = ensure_password(path)
    assert len(password) >= 20
    assert ensure_password(path) == password
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    path.write_text("my own\n")
    assert ensure_password(path) == "my own"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    with pytest.raises(ConfigError, match=r"password is empty: write a password there"):
        ensure_password(tmp_path / "password")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("[::1]", 200),
        ("10.1.2.3", 200),
        ("Bide.Example:8080", 200),
        ("evil.example:8080", 400),
        ("localhost.evil.example", 400),
        ("", 400),
    ],
)
async def test_names_that_a_page_could_point_here_are_refused(
    anyone: httpx.AsyncClient, host: str, status: int
) -> None:
    answer = await anyone.get("/api/v2/version", headers={"Host": host})
    assert answer.status_code == status


async def test_posts_of_other_origins_are_refused(admin: httpx.AsyncClient) -> None:
    url, body = "/api/v2/dags/etl", {"is_paused": True}
    answer = await admin.patch(url, json=body, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (await admin.get(url)).json()["is_paused"] is False
    answer = await admin.patch(url, json=body, headers={"Origin": "http://localhost:8080"})
    assert answer.status_code == 200
