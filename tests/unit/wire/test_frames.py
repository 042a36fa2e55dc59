from __future__ import annotations

import struct
from typing import Any

import pytest

from bide.model.errors import InvalidArgument, ProtocolError
from bide.wire import frames
from bide.wire.frames import FrameReader, decode_frame, encode_frame, encode_question
from bide.wire.messages import Finish, Frame, Ok, Ping, PullXCom


def test_a_frame_survives_the_trip() -> None:
    body = Finish(state="success", return_value=b"[1, 2]", skip=("a", "b"))
    reader = FrameReader()
    reader.feed(encode_frame(body, request=7, instance="0190-x", epoch=3))
    ((frame, size),) = reader.frames()
    assert frame == Frame(body, 7, "0190-x", 3)
    assert size == len(encode_frame(body, request=7, instance="0190-x", epoch=3))
    assert not reader.partial


def test_frames_are_cut_wherever_the_stream_is_torn() -> None:
    data = b"".join(bytes(encode_frame(Ping(number=i))) for i in range(5))
    reader = FrameReader()
    seen: list[int] = []
    for position in range(len(data)):
        reader.feed(data[position : position + 1])
        for frame, _ in reader.frames():
            assert isinstance(frame.body, Ping)
            seen.append(frame.body.number)
    assert seen == [0, 1, 2, 3, 4]


def test_a_message_over_the_limit_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME", 1024 * 1024)
    with pytest.raises(ProtocolError, match=r"a Finish message of 2\.0 MiB is larger than .* 1 MiB"):
        encode_frame(Finish(state="success", return_value=bytes(2 * 1024 * 1024)))


def test_a_question_with_a_value_of_a_wrong_type_names_it() -> None:
    run_id: Any = 5
    with pytest.raises(
        InvalidArgument, match=r"^PullXCom: run_id has a wrong type: Expected `str \| null`, got `int`$"
    ):
        encode_question(PullXCom(task_ids=("a",), key="k", run_id=run_id), request=1)
    question = PullXCom(task_ids=("a",), key="k", run_id="r")
    assert encode_question(question, request=1) == encode_frame(question, request=1)


def test_a_length_over_the_limit_is_refused_before_memory_is_taken() -> None:
    reader = FrameReader()
    reader.feed(struct.pack(">I", 2**32 - 1))
    with pytest.raises(ProtocolError, match="claims 4294967295 bytes"):
        next(reader.frames())


@pytest.mark.parametrize("body", [b"", b"hello", b"\xc1", b"\x94\x81\xa4type\xa6NoSuch\x00\xa0\xff"])
def test_what_is_no_frame_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match=f"a frame of {len(body)} bytes can't be read"):
        decode_frame(body)


def test_frames_before_a_damaged_one_are_still_read() -> None:
    reader = FrameReader()
    reader.feed(encode_frame(Ok()))
    reader.feed(struct.pack(">I", 3) + b"xyz")
    taken = reader.frames()
    assert next(taken)[0].body == Ok()
    with pytest.raises(ProtocolError):
        next(taken)
