"""Assets, and which DAGs and tasks name them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa

from bide.model.assets import AssetFacts, AssetMention, AssetSpec, MentionKind
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.rowset import ROWS, Text, encode_rows, listed, rowset
from bide.store.schema import asset, asset_alias_link, asset_reference
from bide.store.upserting import upsert

Role = Literal["schedule", "outlet", "inlet"]


class Reference(NamedTuple):
    """A place in a DAG that names assets."""

    dag_id: str
    #: Empty for the DAG's schedule.
    task_id: str
    role: Role
    mention: AssetMention


_wanted: Final = rowset((("name", Text), ("uri", Text)))
_find = sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(
    asset.c.name == _wanted.c.name, asset.c.uri == _wanted.c.uri
)
_insert = upsert(asset).on_conflict_do_nothing()
_describe = (
    sa.update(asset)
    .where(asset.c.name == sa.bindparam("of_name"), asset.c.uri == sa.bindparam("of_uri"))
    .values(group=sa.bindparam("group_"), extra=sa.bindparam("extra_", type_=sa.JSON))
)


def find(tx: Tx, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The uids of those of these (name, URI) that are known."""
    if not keys:
        return {}
    rows = encode_rows(("name", "uri"), [{"name": name, "uri": uri} for name, uri in keys])
    return {(name, uri): uid for uid, name, uri in tx.conn.execute(_find, {ROWS: rows})}


def keep(tx: Tx, specs: Collection[AssetSpec], *, describe: bool = False) -> dict[tuple[str, str], str]:
    """The uids of these assets, by (name, URI); those that are new are inserted.

    With `describe` those that are known get the group and the extra of their spec as well.
    """
    by_key = {(one.name, one.uri): one for one in specs}
    found = find(tx, by_key)
    missing = [one for key, one in sorted(by_key.items()) if key not in found]
    if missing:
        tx.conn.execute(
            _insert,
            [
                {
                    "uid": new_id(tx.now),
                    "name": one.name,
                    "uri": one.uri,
                    "group": one.group,
                    "extra": one.extra,
                    "created_at": tx.now,
                }
                for one in missing
            ],
        )
    if describe and found:
        told = [by_key[key] for key in sorted(found)]
        tx.conn.execute(
            _describe,
            [{"of_name": one.name, "of_uri": one.uri, "group_": one.group, "extra_": one.extra} for one in told],
        )
    return {**found, **find(tx, [(one.name, one.uri) for one in missing])}


_by_mention: Final[Mapping[MentionKind, sa.Select[str, str, str]]] = {
    "asset": sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(
        asset.c.name == sa.bindparam("name"), asset.c.uri == sa.bindparam("uri")
    ),
    "name": sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(asset.c.name == sa.bindparam("name")),
    "uri": sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(asset.c.uri == sa.bindparam("uri")),
    "alias": sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(
        asset.c.uid.in_(
            sa.select(asset_alias_link.c.asset_uid).where(asset_alias_link.c.alias == sa.bindparam("name"))
        )
    ),
}


def named_by(tx: Tx, mention: AssetMention) -> list[AssetFacts]:
    """The assets that `mention` means, by name."""
    given = {"name": mention.name, "uri": mention.uri}
    query = _by_mention[mention.kind]
    used = {name: value for name, value in given.items() if name in query.compile().params}
    return sorted((AssetFacts(*row) for row in tx.conn.execute(query, used)), key=lambda one: one.name)


_facts = sa.select(asset.c.uid, asset.c.name, asset.c.uri).where(asset.c.uid.in_(listed("uids")))
_aliases = sa.select(asset_alias_link.c.asset_uid, asset_alias_link.c.alias).where(
    asset_alias_link.c.asset_uid.in_(listed("uids"))
)


def facts(tx: Tx, uids: Collection[str]) -> dict[str, AssetFacts]:
    """What is known of these assets, by uid."""
    if not uids:
        return {}
    by_uid = aliases_of(tx, uids)
    rows = tx.conn.execute(_facts, {"uids": list(uids)})
    return {uid: AssetFacts(uid, name, uri, frozenset(by_uid.get(uid, ()))) for uid, name, uri in rows}


def aliases_of(tx: Tx, uids: Collection[str]) -> dict[str, set[str]]:
    """The aliases by which these assets are found, by uid; those without one are left out."""
    found: dict[str, set[str]] = {}
    for uid, alias in tx.conn.execute(_aliases, {"uids": list(uids)}):
        found.setdefault(uid, set()).add(alias)
    return found


_link = upsert(asset_alias_link).on_conflict_do_nothing()


def link_aliases(tx: Tx, links: Iterable[tuple[str, str]]) -> None:
    """From now on these assets are found by these aliases: (asset uid, alias)."""
    rows = [{"asset_uid": uid, "alias": alias} for uid, alias in sorted(set(links))]
    if rows:
        tx.conn.execute(_link, rows)


_delete_references = sa.delete(asset_reference).where(asset_reference.c.dag_id == sa.bindparam("of"))


def set_references(tx: Tx, dag_id: str, references: Collection[Reference]) -> None:
    """These are all the places where `dag_id` names assets."""
    tx.conn.execute(_delete_references, {"of": dag_id})
    rows = [
        {
            "dag_id": one.dag_id,
            "task_id": one.task_id,
            "role": one.role,
            "kind": one.mention.kind,
            "name": one.mention.name,
            "uri": one.mention.uri,
        }
        for one in sorted(set(references), key=lambda one: (one.task_id, one.role, str(one.mention)))
    ]
    if rows:
        tx.conn.execute(sa.insert(asset_reference), rows)
