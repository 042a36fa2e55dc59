"""The extension runner: a process that answers what only code of authors and of installed packages knows."""

from __future__ import annotations

import logging
import socket

from bide.authoring.runtime import use_runtime
from bide.model.errors import ProtocolError
from bide.observe.clock import SystemClock
from bide.observe.log import install
from bide.runner.purging import purge
from bide.runner.runtimes import ProcessRuntime
from bide.runner.settings import setting
from bide.runner.timetables import ask
from bide.wire.channel import Channel, ChannelClosed
from bide.wire.messages import AskTimetable
from bide.wire.purge_messages import PurgeXComs


def main(sock: socket.socket, label: str) -> int:
    """Answer each question that comes over `sock`, one after the other, until there are no more."""
    channel = Channel(sock)
    install(setting("logging", "level") or logging.INFO)
    with use_runtime(ProcessRuntime(SystemClock()), in_all_threads=True):
        try:
            while True:
                frame = channel.receive()
                match frame.body:
                    case AskTimetable():
                        channel.send(ask(frame.body), request=frame.request)
                    case PurgeXComs():
                        channel.send(purge(frame.body), request=frame.request)
                    case other:
                        raise ProtocolError(f"an extension runner was sent a {type(other).__name__}")
        except ChannelClosed:
            return 0
