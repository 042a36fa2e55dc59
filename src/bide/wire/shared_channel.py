"""The end of a channel that many threads ask over at the same time."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections import deque
from collections.abc import Iterable
from queue import SimpleQueue

from bide.wire.channel import ForeignProcess
from bide.wire.frames import HEADER_SIZE, ChannelClosed, body_length, decode_frame, encode_frame, encode_question
from bide.wire.messages import AnyMessage, Frame


class SharedChannel:
    """Frames over a connected stream socket.

    One thread receives; it hands each reply to the thread that waits for it. No signal handler may raise in a
    thread that is in a call here.
    """

    def __init__(self, sock: socket.socket, arrived: Iterable[Frame] = ()) -> None:
        """Take over `sock`, and frames that were read from it already."""
        sock.setblocking(True)
        self._sock = sock
        self._pid = os.getpid()
        self._arrived = deque(arrived)
        self._sending = threading.Lock()
        #: By number of the request; who waits there gets None if there will be no reply.
        self._waiting: dict[int, SimpleQueue[Frame | None]] = {}
        self._numbers = itertools.count(1)
        self._closed = False

    def send(self, body: AnyMessage, *, request: int = 0, instance: str = "", epoch: int = -1) -> None:
        """Send a message; :class:`ChannelClosed` if nobody can receive it any more."""
        self._send(encode_frame(body, request=request, instance=instance, epoch=epoch))

    def _send(self, data: bytearray) -> None:
        self._check_owner()
        with self._sending:
            try:
                self._sock.sendall(data)
            except OSError as error:
                raise ChannelClosed("the engine has closed the channel") from error

    def request(self, body: AnyMessage, *, instance: str = "", epoch: int = -1) -> AnyMessage:
        """Send a message and wait for its reply; :class:`ChannelClosed` if there will be none.

        Raises what :func:`encode_question` raises.
        """
        number = os.getpid() << 32 | next(self._numbers)
        answer: SimpleQueue[Frame | None] = SimpleQueue()
        self._waiting[number] = answer
        try:
            self._send(encode_question(body, request=number, instance=instance, epoch=epoch))
            reply = None if self._closed else answer.get()
        finally:
            del self._waiting[number]
        if reply is None:
            raise ChannelClosed("the engine has closed the channel")
        return reply.body

    def receive(self) -> Frame:
        """Wait for the next frame that is no reply; :class:`ChannelClosed` at the end of the stream.

        Called by one thread, over and over: replies come while it waits here.
        """
        while True:
            frame = self._arrived.popleft() if self._arrived else self._read()
            if frame.request == 0:
                return frame
            waiting = self._waiting.get(frame.request)
            if waiting is not None:
                waiting.put(frame)

    def _read(self) -> Frame:
        try:
            return decode_frame(self._read_exactly(body_length(self._read_exactly(HEADER_SIZE))))
        except OSError as error:
            self._end()
            raise ChannelClosed("the engine has closed the channel") from error
        except ChannelClosed:
            self._end()
            raise

    def _read_exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            received = self._sock.recv_into(view)
            if received == 0:
                raise ChannelClosed("the engine has closed the channel")
            view = view[received:]
        return data

    def _end(self) -> None:
        self._closed = True
        for waiting in list(self._waiting.values()):
            waiting.put(None)

    def _check_owner(self) -> None:
        if os.getpid() != self._pid:
            raise ForeignProcess(
                f"process {os.getpid()} was forked by a task's code (process {self._pid}) and can't speak "
                "to Bide: pull and push XComs in the task itself, and hand values to and from its children"
            )
