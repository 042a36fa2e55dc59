"""What a task keeps with the engine beside its XComs: callback URLs, state that outlives tries, and of assets."""

from __future__ import annotations

from typing import Literal

from bide.model.assets import AssetMention
from bide.wire.message import Message

#: Name spaces of task state: `job` holds handles of external jobs, `user` what tasks write down themselves. A clear
#: deletes the jobs.
StateKind = Literal["job", "user"]


class MintCallback(Message, frozen=True):
    """Task runner → engine (reply: CallbackUrl): a URL that sends the signal `name` to this instance."""

    name: str


class CallbackUrl(Message, frozen=True):
    """Engine → task runner: the URL, which holds the token; the engine itself can't tell it again."""

    url: str
    #: The secret part of it.
    token: str


class GetTaskState(Message, frozen=True):
    """Task runner → engine (reply: TaskStateValue)."""

    kind: StateKind
    key: str


class TaskStateValue(Message, frozen=True):
    """Engine → task runner: the encoded value, or None if there is none."""

    value: bytes | None


class SetTaskState(Message, frozen=True):
    """Task runner → engine (reply: Ok once it is durable). `value` is encoded."""

    kind: StateKind
    key: str
    value: bytes


class DeleteTaskState(Message, frozen=True):
    """Task runner → engine (reply: Ok once it is durable). None for `key`: all of this kind."""

    kind: StateKind
    key: str | None = None


class GetAssetState(Message, frozen=True):
    """Task runner → engine (reply: AssetStateValue): what is kept with the asset that `of` names."""

    of: AssetMention
    key: str


class AssetStateValue(Message, frozen=True):
    """Engine → task runner: the encoded value, or None if there is none."""

    value: bytes | None


class SetAssetState(Message, frozen=True):
    """Task runner → engine (reply: Ok once it is durable). `value` is encoded."""

    of: AssetMention
    key: str
    value: bytes


class DeleteAssetState(Message, frozen=True):
    """Task runner → engine (reply: Ok once it is durable). None for `key`: all that is kept with the asset."""

    of: AssetMention
    key: str | None = None
