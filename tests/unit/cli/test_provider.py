"""``bide provider``: what would be installed, what is there, and what can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bide.authoring import providers
from bide.cli.exit_codes import BadInput
from bide.cli.provider import installing
from bide.cli.provider.installing import InstallFailed, install, needed_by, requirement, uninstall

Bide = Callable[..., Result]
Rows = Callable[..., Any]

INFO = """
def info():
    return {
        "package-name": "apache-airflow-providers-moon",
        "connection-types": [{"connection-type": "moon", "hook-class-name": "airflow.providers.moon.hooks.Hook"}],
        "task-decorators": [{"name": "moon", "class-name": "airflow.providers.moon.hooks.moon_task"}],
    }
"""
METADATA = """Metadata-Version: 2.1
Name: apache-airflow-providers-moon
Version: 2.1.0
Requires-Dist: apache-airflow>=2.11
Requires-Dist: rocket>=1; python_version >= "3.8"
Requires-Dist: old-rocket; python_version < "3"
Requires-Dist: fuel; extra == "engine"
"""
MODULES = {
    "__init__.py": "",
    "get_provider_info.py": INFO,
    "hooks.py": "from airflow.hooks.base import BaseHook\nclass Hook(BaseHook): pass\n",
    "engine.py": "import rocket_that_nobody_has\n",
    "old.py": "from airflow.models.dag import nosuch\n",
    "tried.py": "raise ImportError(\"Could not import 'Stats' from any of: ('airflow.stats',): No module\")",
    "broken.py": "1 / 0\n",
    "executor.py": "from airflow.executors.base_executor import BaseExecutor\n",
    "user.py": (
        "try:\n    from airflow.www import User\n"
        "except ImportError:\n    raise RuntimeError('too old a version') from None\n"
    ),
}


@pytest.fixture
def moon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed provider package, of whose modules some can't be imported."""
    package = tmp_path / "airflow" / "providers" / "moon"
    package.mkdir(parents=True)
    for name, text in MODULES.items():
        (package / name).write_text(text)
    dist = tmp_path / "apache_airflow_providers_moon-2.1.0.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text(METADATA)
    (dist / "entry_points.txt").write_text(
        "[apache_airflow_provider]\nprovider_info=airflow.providers.moon.get_provider_info:info\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    import airflow
    import airflow.providers

    monkeypatch.setattr(airflow, "__path__", [*airflow.__path__, str(tmp_path / "airflow")])
    monkeypatch.setattr(airflow.providers, "__path__", [*airflow.providers.__path__, str(package.parent)])
    providers.installed_providers.cache_clear()
    yield tmp_path
    providers.installed_providers.cache_clear()
    for name in [one for one in sys.modules if one.startswith("airflow.providers.moon")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("amazon", "apache-airflow-providers-amazon"),
        ("apache.spark", "apache-airflow-providers-apache-spark"),
        ("amazon[s3fs]>=9", "apache-airflow-providers-amazon[s3fs]>=9"),
        ("airflow-provider-fivetran-async", "airflow-provider-fivetran-async"),
        ("apache-airflow-providers-http==5.2", "apache-airflow-providers-http==5.2"),
    ],
)
def test_a_name_means_a_package(given: str, meant: str) -> None:
    assert requirement(given) == meant


@pytest.mark.parametrize(("given", "said"), [("stan dard", "is no name"), ("standard", "Bide has its operators")])
def test_what_is_no_provider_is_refused(given: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        requirement(given)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been run."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append([Path(one).read_text() if one.endswith("overrides.txt") else one for one in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(installing.subprocess, "run", run)
    return commands


def test_uv_leaves_airflow_out(ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing.shutil, "which", lambda _: "/bin/uv")
    install([requirement("http")])
    uninstall([requirement("http")])
    added, removed = ran
    assert added[:6] == ["/bin/uv", "pip", "install", "--python", sys.executable, "--override"]
    assert 'apache-airflow ; python_version < "3"\n' in added[6]
    assert "apache-airflow-providers-http" in added[7:]
    assert removed == ["/bin/uv", "pip", "uninstall", "--python", sys.executable, "apache-airflow-providers-http"]


def test_pip_installs_what_is_needed_but_airflow(
    moon: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing.shutil, "which", lambda _: None)
    install([requirement("moon[engine]")])
    come, first, second = ran
    assert "packaging" in come
    assert first[1:] == ["-m", "pip", "install", "--no-deps", "apache-airflow-providers-moon[engine]"]
    assert second[3:] == ["install", "rocket>=1", "fuel"]


def test_only_what_this_python_needs_is_needed(moon: Path) -> None:
    assert list(needed_by("apache-airflow-providers-moon")) == ["apache-airflow>=2.11", "rocket>=1"]


def test_an_installer_that_fails_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing.shutil, "which", lambda _: "/bin/false")
    with pytest.raises(InstallFailed, match="exit code 1"):
        uninstall(["apache-airflow-providers-http"])


def test_packages_are_listed_with_what_they_bring(moon: Path, rows: Rows) -> None:
    [found] = [row for row in rows("provider", "list") if row["package"] == "apache-airflow-providers-moon"]
    assert (found["version"], found["connections"], found["decorators"]) == ("2.1.0", ["moon"], ["@task.moon"])


def test_each_module_is_imported_and_failures_have_reasons(moon: Path, bide: Bide) -> None:
    done = bide("provider", "check", "moon", "--output", "json")
    assert done.exit_code == 1, done.output
    [found] = json.loads(done.stdout)
    assert (found["modules"], found["importable"], found["refused"]) == (9, 3, 2)
    assert {one["module"].rpartition(".")[2]: one["kind"] for one in found["failures"]} == {
        "engine": "package",
        "old": "name",
        "tried": "name",
        "broken": "other",
        "executor": "refused",
        "user": "refused",
    }


def test_a_package_that_is_not_there_says_how_to_get_it(bide: Bide) -> None:
    done = bide("provider", "check", "nosuch")
    assert (done.exit_code, "bide provider add nosuch" in done.stderr) == (1, True)
