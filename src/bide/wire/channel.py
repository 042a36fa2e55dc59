"""The blocking end of a channel, for runners."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque

from bide.model.errors import BideError
from bide.wire.frames import HEADER_SIZE, ChannelClosed, body_length, decode_frame, encode_frame, encode_question
from bide.wire.messages import AnyMessage, Frame

__all__ = ["Channel", "ChannelClosed", "ForeignProcess"]


class ForeignProcess(BideError):
    """A process that user code has forked tried to use its parent's channel."""


class Channel:
    """Frames over a connected stream socket, for threads of one process.

    Requests take turns: the lock is held until the reply is there. A process that user code forks inherits the
    socket but must not write to it, since its bytes would mix with the parent's; every use there raises
    :class:`ForeignProcess`. A signal handler must not raise while a call runs, or bytes may be lost.

    Nothing is read ahead: what a frame does not need stays in the socket, for whoever reads from it next.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._set_aside: deque[Frame] = deque()
        self._request = 0

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._sock.fileno()

    def adopt(self) -> None:
        """Make this process the owner: for a child that the runner itself forked to speak in its place."""
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def send(self, body: AnyMessage, *, request: int = 0, instance: str = "", epoch: int = -1) -> None:
        """Send a message; :class:`ChannelClosed` if nobody can receive it any more."""
        self._check_owner()
        with self._lock:
            self._write(encode_frame(body, request=request, instance=instance, epoch=epoch))

    def receive(self) -> Frame:
        """Wait for the next frame that is no reply; :class:`ChannelClosed` at the end of the stream."""
        self._check_owner()
        with self._lock:
            return self._set_aside.popleft() if self._set_aside else self._read()

    def request(self, body: AnyMessage, *, instance: str = "", epoch: int = -1) -> AnyMessage:
        """Send a message and wait for its reply. Other frames wait for :meth:`receive`.

        Raises :class:`ChannelClosed` if there will be no reply, and what :func:`encode_question` raises.
        """
        self._check_owner()
        with self._lock:
            self._request += 1
            # The process is in the number, so that a reply to a child that died is nobody else's.
            number = os.getpid() << 32 | self._request
            self._write(encode_question(body, request=number, instance=instance, epoch=epoch))
            while (frame := self._read()).request != number:
                if frame.request == 0:
                    self._set_aside.append(frame)
            return frame.body

    @property
    def has_frames(self) -> bool:
        """Whether frames that came during a request wait for :meth:`receive`."""
        return bool(self._set_aside)

    def hand_over(self) -> tuple[socket.socket, list[Frame]]:
        """Give up the socket, with the frames that wait for :meth:`receive`."""
        return self._sock, [*self._set_aside]

    def close(self) -> None:
        """Close this end."""
        self._sock.close()

    def _check_owner(self) -> None:
        if os.getpid() != self._pid:
            raise ForeignProcess(
                f"process {os.getpid()} was forked by the task's code (process {self._pid}) and can't speak "
                "to Bide: pull and push XComs in the task itself, and hand values to and from its children"
            )

    def _write(self, data: bytearray) -> None:
        try:
            self._sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosed("the engine has closed the channel") from error

    def _read(self) -> Frame:
        header = self._read_exactly(HEADER_SIZE, started=False)
        return decode_frame(self._read_exactly(body_length(header), started=True))

    def _read_exactly(self, count: int, *, started: bool) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            try:
                received = self._sock.recv_into(view)
            except ConnectionResetError as error:
                raise ChannelClosed("the engine has closed the channel") from error
            if received == 0:
                where = " in the middle of a frame" if started or len(view) < count else ""
                raise ChannelClosed(f"the engine has closed the channel{where}")
            view = view[received:]
        return data
