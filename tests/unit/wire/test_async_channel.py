from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from bide.model.errors import ProtocolError
from bide.wire.async_channel import AsyncChannel, ChannelClosed
from bide.wire.frames import encode_frame
from bide.wire.messages import Finish, Fork, Ok, Ping


@pytest.fixture
async def pair() -> AsyncIterator[tuple[AsyncChannel, AsyncChannel]]:
    left, right = socket.socketpair()
    ends = await AsyncChannel.open(left), await AsyncChannel.open(right)
    yield ends
    for end in ends:
        end.close()


async def test_messages_keep_their_order_and_their_envelope(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    left.send(Ping(number=1), request=5, instance="i", epoch=4)
    left.send(Ping(number=2))
    first, second = await right.receive(), await right.receive()
    assert (first.body, first.request, first.instance, first.epoch) == (Ping(number=1), 5, "i", 4)
    assert second.body == Ping(number=2)


async def test_receive_waits_for_what_comes_later(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    waiting = asyncio.ensure_future(right.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    left.send(Ok())
    assert (await waiting).body == Ok()


async def test_sending_never_blocks_and_large_values_arrive_whole(
    pair: tuple[AsyncChannel, AsyncChannel],
) -> None:
    left, right = pair
    value = os.urandom(16 * 1024 * 1024)
    for number in range(3):
        left.send(Finish(state="success", return_value=value, error=str(number)))
    left.send(Ping(number=9))
    for number in range(3):
        body = (await right.receive()).body
        assert isinstance(body, Finish)
        assert body.return_value == value
        assert body.error == str(number)
    assert (await right.receive()).body == Ping(number=9)
    await left.drain()


async def test_a_slow_receiver_slows_the_sender_down(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    for _ in range(8):
        left.send(Finish(state="success", return_value=bytes(4 * 1024 * 1024)))
    draining = asyncio.ensure_future(left.drain())
    done, _ = await asyncio.wait([draining], timeout=0.3)
    assert not done, "the receiver must not take in all of 32 MiB that nobody has asked for"
    for _ in range(8):
        assert isinstance((await right.receive()).body, Finish)
    await draining


async def test_descriptors_ride_along(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, _ = pair
    ours, theirs = socket.socketpair()
    plain, template = socket.socketpair()
    with ours, theirs, plain, template:
        left = await AsyncChannel.open(plain)
        left.send(Fork(label="w1", role="task"), fds=[theirs.fileno()])
        template.setblocking(True)
        data, fds, _, _ = socket.recv_fds(template, 65536, 4)
        assert data == bytes(encode_frame(Fork(label="w1", role="task")))
        with socket.socket(fileno=fds[0]) as passed:
            passed.sendall(b"hello")
        assert ours.recv(5) == b"hello"
        left.close()


async def test_descriptors_behind_a_full_buffer_arrive_though_the_caller_closed_them() -> None:
    plain, template = socket.socketpair()
    ours, theirs = socket.socketpair()
    with plain, template, ours:
        left = await AsyncChannel.open(plain)
        left.send(Finish(state="success", return_value=bytes(4 * 1024 * 1024)))
        left.send(Fork(label="w1", role="task"), fds=[theirs.fileno()])
        theirs.close()
        draining = asyncio.ensure_future(left.drain())

        def read_until_a_descriptor_comes() -> list[int]:
            template.setblocking(True)
            while True:
                data, fds, _, _ = socket.recv_fds(template, 1 << 20, 4)
                if fds or not data:
                    return list(fds)

        (fd,) = await asyncio.to_thread(read_until_a_descriptor_comes)
        with socket.socket(fileno=fd) as passed:
            passed.sendall(b"hello")
        assert ours.recv(5) == b"hello"
        await draining
        left.close()


async def test_what_the_peer_said_before_it_went_is_received(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    right.send(Ping(number=1))
    right.send(Ping(number=2))
    right.close()
    with pytest.raises(ChannelClosed):
        for _ in range(100):
            left.send(Ok())
    assert left.closed
    assert (await left.receive()).body == Ping(number=1)
    assert (await left.receive()).body == Ping(number=2)
    with pytest.raises(ChannelClosed):
        await left.receive()


async def test_a_waiting_receiver_learns_of_the_end(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    waiting = asyncio.ensure_future(left.receive())
    await asyncio.sleep(0)
    right.close()
    with pytest.raises(ChannelClosed):
        await waiting


async def test_a_waiting_receiver_may_be_cancelled(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(left.receive(), 0.01)
    right.send(Ok())
    assert (await left.receive()).body == Ok()


async def test_garbage_is_a_protocol_error() -> None:
    left, right = socket.socketpair()
    with right:
        channel = await AsyncChannel.open(left)
        right.sendall(bytes(encode_frame(Ok())) + struct.pack(">I", 3) + b"abc")
        assert (await channel.receive()).body == Ok()
        with pytest.raises(ProtocolError):
            await channel.receive()
        channel.close()


async def test_drain_ends_when_the_peer_goes(pair: tuple[AsyncChannel, AsyncChannel]) -> None:
    left, right = pair
    left.send(Finish(state="success", return_value=bytes(32 * 1024 * 1024)))
    draining = asyncio.ensure_future(left.drain())
    right.close()
    await draining
    assert left.closed
