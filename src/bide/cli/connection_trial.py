"""``bide connections test``: whether a service can be reached, asked of its hook in a process of its own."""

from __future__ import annotations

import asyncio
import os

from bide.cli.dag_files import command_template
from bide.config.resolved import Config
from bide.model.connection_fields import ConnectionFields
from bide.model.errors import BideError
from bide.wire.frames import ChannelClosed
from bide.wire.secrets_messages import ConnectionTested, TryConnection

#: Seconds that a process gets to exit after its answer.
_EXIT_PATIENCE = 1.0


async def try_connection(config: Config, conn_id: str, fields: ConnectionFields, limit: float) -> tuple[bool, str]:
    """Whether the hook for `fields` could connect, and what it says; after `limit` seconds it is stopped."""
    async with command_template(config) as template:
        try:
            runner = await template.fork("secrets", f"connection-test-{os.getpid()}")
        except BideError as error:
            return False, str(error)
        said = False, f"there was no answer within {limit:g} s"
        patience = 0.0
        try:
            async with asyncio.timeout(limit):
                runner.channel.send(TryConnection(conn_id, fields))
                body = (await runner.channel.receive()).body
            patience = _EXIT_PATIENCE
            said = (body.good, body.said) if isinstance(body, ConnectionTested) else (False, str(body))
        except TimeoutError:
            pass  # which is what `said` says so far
        except ChannelClosed:
            said = False, f"the process that asked {await runner.end(_EXIT_PATIENCE)}"
        finally:
            runner.channel.close()
            await runner.end(patience)
        return said
