"""Bodies of requests and answers about pools."""

from __future__ import annotations

from pydantic import Field

from bide.api.models import Answer, Question


class Pool(Answer):
    """A pool, and how many of its slots tasks in these states take or want."""

    name: str
    slots: int = Field(description="-1 for any number.")
    description: str | None
    include_deferred: bool = Field(description="Deferred tasks take slots, too.")
    occupied_slots: int
    running_slots: int
    queued_slots: int
    scheduled_slots: int
    deferred_slots: int
    open_slots: int | None = Field(description="Null for any number.")


class Pools(Answer):
    """Some pools."""

    pools: list[Pool]
    total_entries: int


class NewPool(Question):
    """A pool to make."""

    name: str
    slots: int
    description: str | None = None
    include_deferred: bool = False


class PatchPool(Question):
    """What to change of a pool."""

    slots: int | None = None
    description: str | None = None
    include_deferred: bool | None = None
