from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bide.observe.log import (
    DescriptorSink,
    LoggerState,
    PathSink,
    SinkHandler,
    context_sink,
    install,
    open_log,
    process_sink,
)
from bide.observe.masking import add_secret, forget_secrets, mask
from bide.observe.streams import CapturedStreams, redirected_descriptors

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00) (\S+) +(\S+) - (.*)")


@pytest.fixture(autouse=True)
def everything_put_back() -> Iterator[None]:
    root, streams = logging.getLogger(), (sys.stdout, sys.stderr)
    state, handlers = LoggerState(), list(root.handlers)
    # Handlers that other tests have left write to streams of their own.
    root.handlers = []
    yield
    sys.stdout, sys.stderr = streams
    state.restore()
    root.handlers = handlers
    logging.captureWarnings(False)
    forget_secrets()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The process's log, written to a file."""
    path = tmp_path / "folder" / "task.log"
    fd = open_log(path)
    with process_sink(DescriptorSink(fd)):
        yield path
    os.close(fd)


def lines(path: Path) -> list[tuple[str, str, str]]:
    """(level, logger, text) of each line."""
    found: list[tuple[str, str, str]] = []
    for line in path.read_text().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found.append((match[2], match[3], match[4]))
    return found


def test_a_record_is_one_line_with_moment_level_and_logger(log: Path) -> None:
    install()
    logging.getLogger("my.logger").info("%d rows", 3)
    logging.getLogger("my.logger").warning("careful")
    logging.getLogger("my.logger").debug("left out")
    assert log.read_text().splitlines()[0].endswith("+00:00 INFO  my.logger - 3 rows")
    assert lines(log) == [("INFO", "my.logger", "3 rows"), ("WARNING", "my.logger", "careful")]


def test_a_traceback_follows_its_record(log: Path) -> None:
    install()
    try:
        raise ZeroDivisionError("division by zero")
    except ZeroDivisionError:
        logging.getLogger("a").exception("it failed")
    text = log.read_text()
    assert text.splitlines()[0].endswith("ERROR a - it failed")
    assert text.splitlines()[1] == "Traceback (most recent call last):"
    assert text.endswith("ZeroDivisionError: division by zero\n")


def test_what_is_printed_is_a_line_too(log: Path) -> None:
    streams = CapturedStreams()
    streams.install()
    print("one", 2)
    print("two\nlines")
    print("no end", end="")
    sys.stdout.buffer.write(b" of this \xff\n")
    print("to stderr", file=sys.stderr)
    print("unfinished", end="")
    streams.finish_lines()
    assert lines(log) == [
        ("INFO", "stdout", "one 2"),
        ("INFO", "stdout", "two"),
        ("INFO", "stdout", "lines"),
        ("INFO", "stdout", "no end of this \\xff"),
        ("ERROR", "stderr", "to stderr"),
        ("INFO", "stdout", "unfinished"),
    ]
    assert sys.stdout.fileno() == 1
    assert not sys.stdout.isatty()


def test_the_descriptors_lead_to_the_file_while_a_task_runs(log: Path) -> None:
    fd = open_log(log)
    with redirected_descriptors(fd):
        os.write(1, b"raw out\n")
        os.write(2, b"raw err\n")
    os.close(fd)
    assert log.read_text() == "raw out\nraw err\n"


def test_warnings_are_lines(log: Path) -> None:
    install()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", UserWarning, stacklevel=1)
    assert "UserWarning: old" in log.read_text()


async def test_each_trigger_has_its_own_log(log: Path, tmp_path: Path) -> None:
    install()
    streams = CapturedStreams()
    streams.install()
    logger = logging.getLogger("trigger")

    async def run(name: str) -> None:
        with context_sink(PathSink(tmp_path / name / "log")):
            for number in range(3):
                print(name, end=" ")
                await asyncio.sleep(0)
                print(number)
                logger.info("%s from the loop", name)
                await asyncio.to_thread(logger.info, "%s from a thread", name)

    await asyncio.gather(run("a"), run("b"))
    logger.info("of none")
    for name in ("a", "b"):
        texts = [text for _, _, text in lines(tmp_path / name / "log")]
        assert texts == [
            text for n in range(3) for text in (f"{name} {n}", f"{name} from the loop", f"{name} from a thread")
        ]
    assert lines(log) == [("INFO", "trigger", "of none")]


def test_threads_of_a_task_write_to_its_log(log: Path) -> None:
    install()
    thread = threading.Thread(target=logging.getLogger("thread").info, args=("hello",))
    thread.start()
    thread.join()
    assert lines(log) == [("INFO", "thread", "hello")]


def test_a_full_disk_loses_lines_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with process_sink(DescriptorSink(full)):
        install()
        logging.getLogger("a").info("lost")
        logging.getLogger("a").info("lost too")
    os.close(full)
    assert capfd.readouterr().err.count("No space left on device") == 1


def test_a_log_that_cannot_be_opened_goes_to_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    install()
    with context_sink(PathSink(tmp_path / "file" / "log")):
        logging.getLogger("a").info("still seen")
    assert "still seen" in capfd.readouterr().err


def test_structlog_writes_lines_with_its_pairs(log: Path) -> None:
    import structlog

    structlog.reset_defaults()
    install()
    try:
        structlog.get_logger("s").info("rows loaded", count=3, table="t")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            structlog.get_logger("s").exception("failed")
    finally:
        structlog.reset_defaults()
    text = log.read_text()
    assert "INFO  s - rows loaded count=3 table='t'\n" in text
    assert "ERROR s - failed\nTraceback" in text


def test_handlers_that_would_write_twice_are_removed_and_others_stay(log: Path, tmp_path: Path) -> None:
    root = logging.getLogger()
    own_file = logging.FileHandler(tmp_path / "own")
    root.handlers = [logging.StreamHandler(sys.stderr), own_file]
    install()
    install()
    assert [type(handler) for handler in root.handlers] == [SinkHandler, logging.FileHandler]
    own_file.close()


def test_secrets_are_masked_everywhere(log: Path) -> None:
    install()
    streams = CapturedStreams()
    streams.install()
    add_secret({"password": "s3cr3t/word", "nested": ["another-one", 5]})
    logging.getLogger("a").info("login with %s", "s3cr3t/word")
    print("url=https://u:s3cr3t%2Fword@host another-one")
    try:
        raise ValueError("bad s3cr3t/word")
    except ValueError:
        logging.getLogger("a").exception("failed")
    text = log.read_text()
    assert "s3cr3t" not in text
    assert "another-one" not in text
    assert "login with ***" in text
    assert "url=https://u:***@host ***" in text


def test_the_longest_secret_wins_and_short_ones_are_left() -> None:
    assert mask("nothing known") == "nothing known"
    add_secret("pass")
    add_secret("password")
    add_secret("abc")
    add_secret("")
    assert mask("password pass abc") == "*** *** abc"
