"""Reading logs: the tail of long ones, growing ones to their end, none outside of the folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from bide.model.errors import NotFound
from bide.observe.log_files import follow, locate, read_log, tail


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "logs"
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (root / "etl").symlink_to(tmp_path / "secret")
    with pytest.raises(NotFound, match="outside of the folder"):
        locate(root, PurePosixPath("etl/1.log"))
    assert locate(root, PurePosixPath("other/1.log")) == root / "other" / "1.log"


def test_a_missing_log_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no log .*1\.log"):
        read_log(tmp_path / "1.log")
    assert tail(tmp_path / "1.log", 3) == []


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_bytes(b"one \xff\ntwo\n")
    assert read_log(path) == "one \ufffd\ntwo\n"


@pytest.mark.parametrize("length", [0, 1, 3, 5000])
def test_the_tail_is_the_last_lines(tmp_path: Path, length: int) -> None:
    path = tmp_path / "1.log"
    written = [f"line {number} " + "x" * 50 for number in range(length)]
    path.write_text("".join(f"{line}\n" for line in written))
    assert tail(path, 3) == written[-3:]


async def test_following_reads_what_comes_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    text = "café\n".encode()
    # What is appended in each pause; a character is cut in two.
    appended = [b"start\n", text[:4], text[4:], b"last words\n"]
    pauses = 0

    async def is_over() -> bool:
        return pauses == len(appended)

    async def pause() -> None:
        nonlocal pauses
        with path.open("ab") as file:
            file.write(appended[pauses])
        pauses += 1

    got = [chunk async for chunk in follow(path, is_over, pause)]
    assert got == ["start\n", "caf", "é\n", "last words\n"]
