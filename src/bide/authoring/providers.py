"""Provider packages that are installed, and what they say of themselves.

Packages for Airflow have an entry point ``apache_airflow_provider``: a function that returns a dict with their
connection types, decorators, links, backends, settings and so on. Nothing of a package is imported but that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, NamedTuple, cast

from bide.authoring.dotted_names import import_string
from bide.model.provider_errors import OptionalFeatureMissing

_log: Final = logging.getLogger("bide.providers")
_GROUP: Final = "apache_airflow_provider"
#: Sections of settings that are no package's own, so that no package has to be asked for them.
_CORE_SECTIONS: Final = frozenset(
    (
        "api",
        "celery",
        "core",
        "dag_processor",
        "database",
        "email",
        "execution_api",
        "kubernetes_executor",
        "logging",
        "metrics",
        "operators",
        "scheduler",
        "secrets",
        "sensors",
        "smtp",
        "triggerer",
        "webserver",
        "workers",
        "xcom",
    )
)


class ProviderInfo(NamedTuple):
    """One package."""

    version: str
    data: dict[str, Any]
    #: The Python package that has its modules.
    module: str


class HookInfo(NamedTuple):
    """The hook for connections of one type."""

    hook_class_name: str
    connection_id_attribute_name: str
    package_name: str
    hook_name: str
    connection_type: str
    connection_testable: bool


class DialectInfo(NamedTuple):
    """A dialect of SQL."""

    name: str
    dialect_class_name: str
    provider_name: str


@cache
def installed_providers() -> Mapping[str, ProviderInfo]:
    """Packages by name. Looking through what is installed takes a while, so it is done once."""
    found: dict[str, ProviderInfo] = {}
    for entry in sorted(entry_points(group=_GROUP), key=lambda one: one.value):
        data = _told_by(entry)
        dist = entry.dist
        version = dist.version if dist is not None else str((data.get("versions") or ["0"])[0])
        found[str(data.get("package-name") or entry.name)] = ProviderInfo(version, data, _package_of(entry))
    return found


def _package_of(entry: EntryPoint) -> str:
    """The Python package that has the function of the entry point."""
    module = entry.value.partition(":")[0]
    parent, _, last = module.rpartition(".")
    return parent if last in ("get_provider_info", "__init__") else module


def provider_infos() -> list[dict[str, Any]]:
    """What each package says of itself."""
    return [one.data for one in installed_providers().values()]


def load_path(path: str) -> Any:
    """The object of a dotted path: a module, then a name in it; before the name there may be a colon."""
    return import_string(path.replace(":", "."))


def _told_by(entry: EntryPoint) -> dict[str, Any]:
    return cast("dict[str, Any]", entry.load()())


def parts(key: str) -> Iterator[tuple[str, Any]]:
    """Each element of the lists under `key`, with the name of the package that has it."""
    for package, provider in installed_providers().items():
        for one in provider.data.get(key) or ():
            yield package, one


def default_setting(section: str, key: str) -> str | None:
    """The default that a package declares for a setting of its own."""
    if section in _CORE_SECTIONS:
        return None
    for provider in installed_providers().values():
        sections: dict[str, dict[str, Any]] = provider.data.get("config") or {}
        options: dict[str, dict[str, Any]] = sections.get(section, {}).get("options") or {}
        default = options.get(key, {}).get("default")
        if default is not None:
            return str(default)
    return None


class _Hooks(Mapping[str, "HookInfo | None"]):
    """Hooks by type of connections. The class of one is imported when it is asked for, and not before."""

    def __init__(self) -> None:
        self._declared = {one["connection-type"]: (package, one) for package, one in parts("connection-types")}
        self._found: dict[str, HookInfo | None] = {}

    def __getitem__(self, conn_type: str) -> HookInfo | None:
        package, one = self._declared[conn_type]
        if conn_type not in self._found:
            self._found[conn_type] = self._look(conn_type, package, one["hook-class-name"])
        return self._found[conn_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    @staticmethod
    def _look(conn_type: str, package: str, path: str) -> HookInfo | None:
        try:
            cls: Any = import_string(path)
        except (ImportError, OptionalFeatureMissing) as error:  # it needs a package that is not installed
            _log.info("the hook for connections of type %r can't be imported: %s", conn_type, error)
            return None
        return HookInfo(
            path,
            getattr(cls, "conn_name_attr", "conn_id"),
            package,
            getattr(cls, "hook_name", None) or conn_type,
            conn_type,
            hasattr(cls, "test_connection"),
        )


class ProvidersManager:
    """What provider packages ask about each other. All packages are looked at; there is no state of its own."""

    def __getattr__(self, name: str) -> Any:
        """``initialize_providers_...()``: there is nothing to do, since whatever is asked for is looked up then."""
        if name.startswith("initialize_providers_"):
            return lambda: None
        raise AttributeError(f"ProvidersManager has no {name!r}")

    @property
    def providers(self) -> Mapping[str, ProviderInfo]:
        """Packages by name."""
        return installed_providers()

    @cached_property
    def hooks(self) -> Mapping[str, HookInfo | None]:
        """Hooks by type of connections; None for one that can't be imported."""
        return _Hooks()

    @property
    def dialects(self) -> dict[str, DialectInfo]:
        """Dialects of SQL by name."""
        return {
            one["dialect-type"]: DialectInfo(one["dialect-type"], one["dialect-class-name"], package)
            for package, one in parts("dialects")
        }

    @property
    def taskflow_decorators(self) -> dict[str, Any]:
        """Decorators beside ``@task``, by name."""
        return {one["name"]: import_string(one["class-name"]) for _, one in parts("task-decorators")}

    @property
    def extra_links_class_names(self) -> list[str]:
        """Paths of classes of links."""
        return [one for _, one in parts("extra-links")]

    @property
    def secrets_backend_class_names(self) -> list[str]:
        """Paths of backends of secrets."""
        return [one for _, one in parts("secrets-backends")]

    @property
    def notification(self) -> list[str]:
        """Paths of notifiers."""
        return [one for _, one in parts("notifications")]

    @property
    def queue_class_names(self) -> list[str]:
        """Paths of message queues."""
        return [one for _, one in parts("queues")]

    @property
    def filesystem_module_names(self) -> list[str]:
        """Modules that open object storage."""
        return [one for _, one in parts("filesystems")]

    @property
    def asset_uri_handlers(self) -> dict[str, Any]:
        """Functions that check and tidy URIs of assets, by scheme."""
        return self._by_scheme("handler")

    @property
    def asset_factories(self) -> dict[str, Any]:
        """Functions that make assets, by scheme."""
        return self._by_scheme("factory")

    @property
    def asset_to_openlineage_converters(self) -> dict[str, Any]:
        """Functions that tell assets in OpenLineage's words, by scheme."""
        return self._by_scheme("to_openlineage_converter")

    @staticmethod
    def _by_scheme(kind: str) -> dict[str, Any]:
        return {
            scheme: import_string(one[kind])
            for _, one in parts("asset-uris")
            if one.get(kind)
            for scheme in one.get("schemes") or ()
        }
