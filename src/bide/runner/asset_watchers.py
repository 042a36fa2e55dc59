"""What the engine is told of the watchers of a DAG's assets."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bide.authoring.asset_schedules import assets_of
from bide.authoring.asset_watchers import AssetWatcher
from bide.authoring.assets import Asset, BaseAsset
from bide.authoring.dag import DAG
from bide.model.errors import AuthoringError, InvalidArgument
from bide.model.values import decode, encode
from bide.model.watchers import hash_of
from bide.runner.arming import wait_spec
from bide.runner.failures import one_line
from bide.runner.resolve import LoadDagFile
from bide.wire.parser_messages import WatcherSpec
from bide.wire.wait_messages import WaitSpec


def watchers_of(dag: DAG, dag_file: str, load: LoadDagFile) -> list[WatcherSpec]:
    """The watchers of all assets that the schedule and the tasks of `dag` name.

    Raises :class:`AuthoringError` for one that can't be built again from what its ``serialize()`` returns.
    """
    found: dict[tuple[str, str, str], WatcherSpec] = {}
    for asset in _assets(dag):
        for watcher in asset.watchers:
            spec = WatcherSpec(
                dag.dag_id, asset.name, asset.uri, watcher.name, _spec(asset, watcher, dag_file, load)
            )
            found[asset.name, asset.uri, watcher.name] = spec
    return [found[key] for key in sorted(found)]


def _assets(dag: DAG) -> Iterator[Asset]:
    named = [assets_of(dag.schedule), *(one for task in dag.tasks for one in (*task.inlets, *task.outlets))]
    for one in named:
        if isinstance(one, BaseAsset):
            yield from one.iter_assets()


def _spec(asset: Asset, watcher: AssetWatcher, dag_file: str, load: LoadDagFile) -> WaitSpec:
    of = f"watcher {watcher.name!r} of asset {asset.name!r}"
    try:
        spec = wait_spec(watcher.trigger, dag_file, load)
    except AuthoringError as error:
        raise InvalidArgument(f"{of}: {error}") from error
    except Exception as error:
        raise InvalidArgument(f"{of}: {one_line(error)}") from error
    if spec.kind not in ("poll", "stream"):
        raise InvalidArgument(
            f"{of}: its serialize() names a {spec.kind}, which has one event; name a poll or stream"
        )
    # Equal arguments are equal whatever order they are in, and watchers share with watchers alone.
    kwargs = encode(dict(sorted(decode(spec.kwargs).items())), what="arguments")
    group = None if spec.group_key is None else hash_of("watchers", spec.group_key)
    return msgspec.structs.replace(spec, kwargs=kwargs, group_key=group)
