"""Has values that lie outside of the store removed, in a process that has the credentials for it."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from typing import Final

from bide.engine.template import Template, TemplateUnavailable
from bide.model.errors import ProtocolError
from bide.wire.frames import ChannelClosed
from bide.wire.purge_messages import PurgeXComs, StoredAway, XComsPurged

#: Numbers the processes, so that labels are unique.
_numbers: Final = itertools.count(1)
#: Seconds that a process gets to exit when it is done.
_EXIT_PATIENCE: Final = 1.0


class XComPurger:
    """Forks an extension runner for each portion; one that takes `timeout` seconds is killed."""

    def __init__(self, template: Template, timeout: float = 300.0) -> None:
        self._template = template
        self._timeout = timeout

    async def purge(self, items: Sequence[StoredAway]) -> dict[int, str]:
        """Why which of them could not be removed, by id."""
        try:
            runner = await self._template.fork("extension", f"extension-purge-{os.getpid()}-{next(_numbers)}")
        except TemplateUnavailable as error:
            return dict.fromkeys((one.id for one in items), str(error))
        is_well = False
        try:
            async with asyncio.timeout(self._timeout):
                runner.channel.send(PurgeXComs(tuple(items)))
                body = (await runner.channel.receive()).body
            is_well = isinstance(body, XComsPurged)
            why = f"its process answered with a {type(body).__name__}"
        except TimeoutError:
            body, why = None, f"it took longer than {self._timeout:g} s and was stopped"
        except ProtocolError as error:
            body, why = None, f"its process wrote something that can't be read: {error}"
        except ChannelClosed:
            body, why = None, f"its process {await runner.end(_EXIT_PATIENCE)}"
        finally:
            runner.channel.close()
            await runner.end(_EXIT_PATIENCE if is_well else 0.0)
        return body.errors if isinstance(body, XComsPurged) else dict.fromkeys((one.id for one in items), why)
