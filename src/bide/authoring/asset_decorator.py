"""``@asset``: a function that makes an asset, with a DAG and a task of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from bide.authoring.assets import Asset, AssetAll, AssetNameRef, BaseAsset
from bide.authoring.dag import DAG
from bide.authoring.python import PythonOperator
from bide.model.errors import InvalidArgument

#: Parameters of the function that name no other asset.
_OWN_NAMES: Final = ("self", "context")


class AssetDefinition(Asset):
    """The asset that a function under ``@asset`` makes."""

    def __init__(self, function: Callable[..., Any], name: str | None, uri: Any, **options: Any) -> None:
        super().__init__(name or function.__name__, uri, **options)
        self.function = function


class MultiAssetDefinition(AssetAll):
    """The assets that a function under ``@asset.multi`` makes."""

    def __init__(self, function: Callable[..., Any], outlets: Collection[BaseAsset]) -> None:
        super().__init__(*outlets)
        self.name = function.__name__
        self.function = function


class _AssetOperator(PythonOperator):
    """Calls the function with what its parameters name: ``self``, ``context``, and assets that it reads."""

    custom_operator_name = "@asset"

    def __init__(self, *, definition: AssetDefinition | MultiAssetDefinition, **kwargs: Any) -> None:
        super().__init__(python_callable=definition.function, **kwargs)
        self.definition = definition

    def determine_kwargs(self, context: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in _parameters(self.python_callable):
            if name == "self":
                found[name] = self.definition
            elif name == "context":
                found[name] = context
            else:
                found[name] = AssetNameRef(name)
        return found


class _AssetDecorator:
    """Makes a DAG of the function's name, whose one task makes the asset.

    `schedule` and `options` are those of the DAG; `name`, `uri`, `group`, `extra` and `watchers` those of the
    asset, whose name is the function's if it is left out. Parameters of the function without a default are assets
    that it reads, by their names; ``self`` is the asset itself and ``context`` the context of the task. The answer
    is the asset, which other schedules may name.
    """

    def __call__(
        self,
        *,
        schedule: Any,
        name: str | None = None,
        uri: Any = None,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Any = None,
        **options: Any,
    ) -> Callable[[Callable[..., Any]], AssetDefinition]:
        """``@asset(schedule=...)``."""

        def decorate(function: Callable[..., Any]) -> AssetDefinition:
            made = AssetDefinition(function, name, uri, group=group, extra=extra, watchers=watchers)
            _make_dag(made, [made], schedule, options)
            return made

        return decorate

    def multi(
        self, *, schedule: Any, outlets: Collection[BaseAsset], **options: Any
    ) -> Callable[[Callable[..., Any]], MultiAssetDefinition]:
        """``@asset.multi(schedule=..., outlets=[...])``: one function that makes several assets."""

        def decorate(function: Callable[..., Any]) -> MultiAssetDefinition:
            if not outlets:
                raise InvalidArgument(
                    f"@asset.multi on {function.__name__}() needs outlets: the assets that it makes"
                )
            made = MultiAssetDefinition(function, outlets)
            _make_dag(made, list(outlets), schedule, options)
            return made

        return decorate


def _make_dag(
    made: AssetDefinition | MultiAssetDefinition, outlets: list[BaseAsset], schedule: Any, options: dict[str, Any]
) -> None:
    function = made.function
    names = _parameters(function)
    dag_id = options.pop("dag_id", None) or function.__name__
    options.setdefault("doc_md", inspect.getdoc(function))
    options.setdefault("full_filepath", inspect.unwrap(function).__code__.co_filename)
    with DAG(dag_id, schedule=schedule, **options):
        _AssetOperator(
            task_id=function.__name__,
            definition=made,
            inlets=[AssetNameRef(name) for name in names if name not in _OWN_NAMES],
            outlets=outlets,
        )


def _parameters(function: Callable[..., Any]) -> list[str]:
    """Those that have to be given."""
    found: list[str] = []
    for one in inspect.signature(function).parameters.values():
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY):
            raise InvalidArgument(
                f"@asset on {function.__name__}(): parameters are named, an asset that it reads each, not {one}"
            )
        if one.default is one.empty:
            found.append(one.name)
    return found


asset: Final = _AssetDecorator()
