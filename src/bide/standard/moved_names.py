"""Names that have moved: they work where they were, with a warning that says where they are."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from bide.authoring.dotted_names import import_string
from bide.model.provider_errors import ProviderDeprecationWarning, RemovalWarning


def add_deprecated_classes(
    module_imports: Mapping[str, Mapping[str, str]],
    package: str,
    override_deprecated_classes: Mapping[str, Mapping[str, str]] | None = None,
    extra_message: str | None = None,
) -> None:
    """Make modules inside `package` whose names lead elsewhere: path of the new place, by module and name.

    A module that is `package` itself gets the names beside its own. The warning says the new place, or the one of
    `override_deprecated_classes`, and `extra_message`.
    """
    for key, names in module_imports.items():
        own = key == package
        name = package if own else f"{package}.{key}"
        module = sys.modules[package] if own else sys.modules.setdefault(name, ModuleType(name))
        said = {**names, **(override_deprecated_classes or {}).get(key, {})}
        module.__dict__["__getattr__"] = _leading(name, names, said, extra_message)


def _leading(module: str, names: Mapping[str, str], said: Mapping[str, str], extra: str | None) -> Any:
    def __getattr__(name: str) -> Any:
        place = names.get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no {name!r}")
        kind = ProviderDeprecationWarning if module.startswith("airflow.providers.") else RemovalWarning
        text = f"{module}.{name} has moved: use {said[name]}"
        warnings.warn(f"{text}. {extra}" if extra else text, kind, stacklevel=2)
        return import_string(place)

    return __getattr__
