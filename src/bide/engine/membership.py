"""What an engine is to a store, and to others that may serve it: one alone, or one of several."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from hashlib import sha256

from bide.config.fernet_keys import FernetKeys
from bide.config.resolved import Config
from bide.control.keep_session import Loss, end_session
from bide.engine.keeper import LOST_AFTER_HEARTBEATS, SessionKeeper
from bide.model.clock import Clock
from bide.model.errors import ConfigError, SessionLost, StoreSchemaError
from bide.observe.leftovers import kill_leftovers, kill_marked
from bide.store import Keyring, Store, Tx, sessions
from bide.store.migrate import HEAD, schema_state, upgrade
from bide.store.sessions import LiveSession


def store_family(config: Config) -> str:
    """Names the store: the same for every engine of it."""
    what = config.store_url if config.is_shared else str(config.store_path.resolve())
    return sha256(what.encode()).hexdigest()[:16]


def store_id(config: Config) -> str:
    """Names the store in the environment of its processes, and the engine where there may be several."""
    return f"{store_family(config)}-{os.getpid()}" if config.is_shared else store_family(config)


def kill_what_is_left(config: Config) -> None:
    """Kill what engines of this store have left on this host that were killed. Before this one has any runners."""
    kill_marked(store_id(config))
    if config.is_shared:
        kill_leftovers(store_family(config))


def open_store(config: Config, clock: Clock) -> Store:
    """The store of an engine, made if there is none. Blocks. Raises an error of the StoreError family."""
    keys = Keyring(FernetKeys(config))
    keys.load()
    store = Store.open(config.store_url, clock, keys)
    revision = schema_state(store).revision
    if store.is_shared and revision not in (None, HEAD):
        # Others of another version may be at work on it.
        raise StoreSchemaError(
            f"store {store.shown} has schema {revision}, this version of bide needs {HEAD}: stop all engines of it "
            "and run `bide db upgrade`"
        )
    upgrade(store)
    return store


def _check_keys(own: Sequence[str], others: Sequence[LiveSession]) -> None:
    """On several hosts each would make a key of its own, and none could read what the others have stored."""
    for one in others:
        if one.key is not None and one.key not in own:
            raise ConfigError(
                f"`bide {one.kind}` on {one.hostname} (process {one.pid}) encrypts what it stores with key "
                f"{one.key}, which this engine does not have (it has {', '.join(own)}): give all engines of a "
                "store the same keys, by [core] fernet_key or by the same key file"
            )


class Membership:
    """An engine's session. Where several may serve the store, it says that it lives, and looks after the others."""

    def __init__(self, store: Store, session: str, keeper: SessionKeeper | None) -> None:
        """See :meth:`join`."""
        self._store = store
        self.session = session
        self._keeper = keeper

    @classmethod
    async def join(
        cls, store: Store, config: Config, *, kind: str, queues: Sequence[str] | None = None
    ) -> Membership:
        """Begin a session. `queues`: whose triggers, or tasks, it runs; None for all.

        Raises :class:`ConfigError` if it could not read what another engine writes.
        """
        heartbeat = config.settings.triggerer.job_heartbeat_sec

        def begin(tx: Tx) -> str:
            keys = store.keys.fingerprints
            if store.is_shared:
                _check_keys(keys, sessions.live(tx))
            return sessions.begin(
                tx,
                kind=kind,
                hostname=socket.gethostname(),
                pid=os.getpid(),
                lost_after=heartbeat * LOST_AFTER_HEARTBEATS if store.is_shared else None,
                queues=queues,
                key=keys[0],
            )

        session = await store.write(begin)
        if not store.is_shared:
            return cls(store, session, None)
        loop = asyncio.get_running_loop()
        family = store_family(config)

        def on_loss(_: Loss) -> None:
            # If it died on this host, what its tasks had started may be there still.
            loop.run_in_executor(None, kill_leftovers, family)

        keeper = SessionKeeper(store, session, heartbeat=heartbeat, on_loss=on_loss)
        keeper.start()
        return cls(store, session, keeper)

    async def lost(self) -> SessionLost:
        """Wait until others have ended the session, since this engine was silent: it has to be closed then."""
        return await (asyncio.Future[SessionLost]() if self._keeper is None else asyncio.shield(self._keeper.lost))

    def check(self) -> None:
        """Raise :class:`SessionLost` if others have ended the session."""
        if self._keeper is not None and self._keeper.lost.done():
            raise self._keeper.lost.result()

    async def leave(self) -> None:
        """The engine has stopped: what it still has passes to others at once."""
        if self._keeper is not None:
            await self._keeper.stop()
        await end_session(self._store, self.session)
