from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from bide.model.errors import ProtocolError
from bide.wire.channel import Channel, ChannelClosed, ForeignProcess
from bide.wire.messages import Finish, Ok, Ping, PullXCom, PushXCom, Stop, XComs, XComValue


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    left, right = socket.socketpair()
    with left, right:
        yield Channel(left), Channel(right)


def answer(channel: Channel, times: int) -> None:
    for _ in range(times):
        frame = channel.receive()
        assert isinstance(frame.body, PullXCom)
        value = XComValue(task_id=frame.body.key, map_index=-1, key="k", value=b"1")
        channel.send(XComs(values=(value,)), request=frame.request)


def test_messages_keep_their_order_and_their_envelope(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    left.send(Ping(number=1), instance="i", epoch=4)
    left.send(Ping(number=2))
    first, second = right.receive(), right.receive()
    assert (first.body, first.instance, first.epoch) == (Ping(number=1), "i", 4)
    assert second.body == Ping(number=2)


def test_a_request_gets_its_own_reply_and_keeps_what_came_before(pair: tuple[Channel, Channel]) -> None:
    left, right = pair

    def serve() -> None:
        question = right.receive()
        right.send(Stop())
        right.send(Ok(), request=question.request)

    server = threading.Thread(target=serve)
    server.start()
    assert left.request(PushXCom(key="k", value=b"1"), instance="i", epoch=1) == Ok()
    server.join()
    assert left.receive().body == Stop()


def test_threads_take_turns_and_each_gets_its_own_reply(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    wrong: list[object] = []

    def ask(name: str) -> None:
        for _ in range(20):
            reply = left.request(PullXCom(task_ids=("t",), key=name))
            if not (isinstance(reply, XComs) and reply.values[0].task_id == name):
                wrong.append(reply)

    threads = [threading.Thread(target=ask, args=(f"thread-{n}",)) for n in range(4)]
    server = threading.Thread(target=answer, args=(right, 80))
    for thread in [server, *threads]:
        thread.start()
    for thread in [*threads, server]:
        thread.join()
    assert wrong == []


def test_large_values_pass(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    value = os.urandom(20 * 1024 * 1024)
    sender = threading.Thread(target=left.send, args=(Finish(state="success", return_value=value),))
    sender.start()
    body = right.receive().body
    sender.join()
    assert isinstance(body, Finish)
    assert body.return_value == value


def test_the_end_of_the_stream_is_told(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    right.send(Ok())
    right.close()
    assert left.receive().body == Ok()
    with pytest.raises(ChannelClosed):
        left.receive()
    with pytest.raises(ChannelClosed):
        left.send(Ok())
    with pytest.raises(ChannelClosed):
        left.request(Ok())


def test_an_end_in_the_middle_of_a_frame_is_told() -> None:
    left, right = socket.socketpair()
    with left, right:
        right.sendall(struct.pack(">I", 10) + b"abc")
        right.close()
        with pytest.raises(ChannelClosed, match="in the middle of a frame"):
            Channel(left).receive()


def test_garbage_is_a_protocol_error() -> None:
    left, right = socket.socketpair()
    with left, right:
        right.sendall(struct.pack(">I", 3) + b"abc")
        with pytest.raises(ProtocolError):
            Channel(left).receive()


def test_a_process_forked_by_user_code_is_refused(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            left.request(PushXCom(key="k", value=b"1"))
        except ForeignProcess as error:
            os.write(write_end, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as stream:
        said = stream.read()
    os.waitpid(pid, 0)
    assert f"process {pid} was forked by the task's code (process {os.getpid()})" in said
    left.send(Ping(number=1))
    assert right.receive().body == Ping(number=1), "nothing of the child's may be on the wire"


def test_a_child_of_the_runner_may_adopt_the_channel(pair: tuple[Channel, Channel]) -> None:
    left, right = pair
    pid = os.fork()
    if pid == 0:
        try:
            left.adopt()
            left.send(Ping(number=os.getpid()))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert right.receive().body == Ping(number=pid)
