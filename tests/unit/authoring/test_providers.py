"""What installed provider packages say of themselves."""

import sys

import pytest

from bide.authoring import providers
from bide.authoring.hook_types import _known_types, hook_class
from bide.authoring.task_decorators import find_decorator, provider_decorators
from bide.model.errors import ConfigError
from bide.standard.configuration import conf

CODE = """
def info():
    return {
        "package-name": "apache-airflow-providers-moon",
        "connection-types": [
            {"connection-type": "moon", "hook-class-name": "moon_provider.MoonHook"},
            {"connection-type": "mars", "hook-class-name": "moon_provider.mars.NotThere"},
        ],
        "task-decorators": [{"name": "moon", "class-name": "moon_provider.moon_task"}],
        "asset-uris": [{"schemes": ["moon"], "handler": "moon_provider.tidy", "factory": None}],
        "dialects": [{"dialect-type": "lunar", "dialect-class-name": "moon_provider.Lunar"}],
        "notifications": ["moon_provider.Howl"],
        "config": {"moon": {"options": {"phase": {"default": "full"}, "crew": {"default": None}}}},
    }


class MoonHook:
    conn_name_attr = "moon_conn_id"
    hook_name = "Moon"

    def test_connection(self):
        return True, "reached"


def moon_task(function):
    return function


def tidy(uri):
    return uri.lower()
"""


@pytest.fixture
def moon(tmp_path, monkeypatch):
    (tmp_path / "moon_provider.py").write_text(CODE)
    dist = tmp_path / "apache_airflow_providers_moon-2.1.0.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-airflow-providers-moon\nVersion: 2.1.0\n")
    (dist / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info=moon_provider:info\n")
    monkeypatch.syspath_prepend(tmp_path)
    caches = (providers.installed_providers, _known_types, provider_decorators)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()
    sys.modules.pop("moon_provider", None)


def test_a_package_and_its_version(moon):
    found = providers.ProvidersManager().providers["apache-airflow-providers-moon"]
    assert (found.version, found.data["notifications"]) == ("2.1.0", ["moon_provider.Howl"])


def test_hooks_that_can_not_be_imported_are_none(moon):
    hooks = providers.ProvidersManager().hooks
    assert hooks["mars"] is None
    assert hooks["moon"] == providers.HookInfo(
        "moon_provider.MoonHook", "moon_conn_id", "apache-airflow-providers-moon", "Moon", "moon", True
    )
    assert "pluto" not in hooks
    assert {"mars", "moon"} <= set(hooks)


def test_a_hook_is_imported_when_it_is_asked_for(moon, tmp_path, monkeypatch):
    (tmp_path / "mars_provider.py").write_text(
        "from bide.model.provider_errors import OptionalFeatureMissing\n"
        "raise OptionalFeatureMissing('needs another package')\n"
    )
    declared = {"connection-type": "mars", "hook-class-name": "mars_provider.MarsHook"}
    monkeypatch.setattr(providers, "parts", lambda key: [("apache-airflow-providers-mars", declared)])
    hooks = providers.ProvidersManager().hooks
    assert len(hooks) == 1
    assert "mars_provider" not in sys.modules
    assert hooks["mars"] is None


def test_the_hook_of_a_type_of_connections(moon):
    assert hook_class("moon").hook_name == "Moon"


def test_a_decorator_of_a_package(moon):
    import moon_provider

    assert find_decorator("moon", set()) is moon_provider.moon_task
    with pytest.raises(AttributeError, match="did you mean 'moon'"):
        find_decorator("mooon", set())


def test_handlers_by_scheme_dialects_and_decorators(moon):
    import moon_provider

    manager = providers.ProvidersManager()
    assert manager.asset_uri_handlers == {"moon": moon_provider.tidy}
    assert manager.asset_factories == {}
    assert manager.dialects["lunar"].dialect_class_name == "moon_provider.Lunar"
    assert manager.taskflow_decorators["moon"] is moon_provider.moon_task


def test_a_package_has_defaults_for_its_settings(moon, monkeypatch):
    assert conf.get("moon", "phase") == "full"
    assert conf.getlist("moon", "phase") == ["full"]
    with pytest.raises(ConfigError, match=r"\[moon\] crew is not set"):
        conf.get("moon", "crew")
    monkeypatch.setenv("AIRFLOW__MOON__PHASE", "new")
    assert conf.get("moon", "phase") == "new"
