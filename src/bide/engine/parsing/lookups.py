"""What DAG files look up while they are parsed: variables and connections."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from bide.control.lookups import answer_lookup
from bide.store import Store
from bide.wire.lookups import Lookup, LookupReply
from bide.wire.messages import Refused

#: Answers what a parser asks.
AnswerLookup = Callable[[Lookup], Awaitable[LookupReply | Refused]]
#: What a file has looked up, with a fingerprint of each answer.
Looked = dict[Lookup, bytes]

#: Seconds after which what files have looked up is asked again, in case nobody tells of a change.
_SAFETY_NET: Final = 30.0


async def nobody(body: Lookup) -> Refused:
    """Answers where there is no store."""
    return Refused("there is no store here that keeps variables and connections")


def fingerprint_of(reply: LookupReply | Refused) -> bytes:
    """Tells answers apart, without keeping a secret."""
    return hashlib.blake2b(msgspec.msgpack.encode(reply), digest_size=16).digest()


class StoreLookups:
    """Answers from the store, and tells when answers may have changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes = store.bell.listen("variables")

    async def answer(self, body: Lookup) -> LookupReply | Refused:
        """The answer for a parser."""
        return await answer_lookup(self._store, body)

    async def changed(self) -> None:
        """Wait until a variable or connection was changed, or may have been."""
        await self._changes.wait(_SAFETY_NET)

    async def differs(self, looked: Looked) -> bool:
        """Whether one of these would have another answer now."""
        for body, fingerprint in looked.items():
            if fingerprint_of(await self.answer(body)) != fingerprint:
                return True
        return False

    def close(self) -> None:
        """Listen no more."""
        self._store.bell.leave(self._changes)
