"""The DAG parser: a process that imports one DAG file and says what it makes."""

from __future__ import annotations

import logging
import socket
import time
import warnings
from contextlib import nullcontext

from bide.authoring.dag import DAG
from bide.authoring.loading import FileProblem, LoadedFile, load_file
from bide.authoring.runtime import use_runtime
from bide.authoring.serialize import serialize_dag
from bide.model.dag_spec import DagSpec
from bide.model.errors import AuthoringError, ProtocolError
from bide.observe.clock import SystemClock
from bide.observe.log import install
from bide.runner.asset_watchers import watchers_of
from bide.runner.failures import one_line, user_traceback
from bide.runner.lint import ImportWatch, findings
from bide.runner.runtimes import ChannelLink, EngineLink, ProcessRuntime
from bide.runner.settings import setting
from bide.wire.channel import Channel, ChannelClosed
from bide.wire.messages import FileError, FileParsed, ParseFile
from bide.wire.parser_messages import WatcherSpec


def main(sock: socket.socket, label: str) -> int:
    """Answer one :class:`ParseFile` that comes over `sock`; what the file prints goes to this process's output."""
    channel = Channel(sock)
    install(setting("logging", "level") or logging.INFO)
    try:
        frame = channel.receive()
        if not isinstance(frame.body, ParseFile):
            raise ProtocolError(f"a DAG parser was sent a {type(frame.body).__name__}")
        parsed = parse_file(frame.body, ChannelLink(channel))
        try:
            channel.send(parsed, request=frame.request)
        except ProtocolError as error:
            channel.send(_too_large(parsed, error), request=frame.request)
    except ChannelClosed:
        return 0
    return 0


def parse_file(order: ParseFile, lookups: EngineLink | None = None) -> FileParsed:
    """Import the file, validate and serialise its DAGs. One DAG with an error does not hide the others.

    `lookups` is asked for variables and connections that the file looks up at its top level.
    """
    begun = time.monotonic()
    clock = SystemClock()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        with use_runtime(ProcessRuntime(clock, lookups), in_all_threads=True):
            watch = ImportWatch(order.path)
            with watch.watching() if order.slow is not None else nullcontext():
                loaded = load_file(order.path, order.folder)
            specs, watchers, problems = _serialised(loaded, watch)
            found = () if order.slow is None else findings(loaded, watch, caught, slow=order.slow, now=clock.now())
    errors = [FileError(one.message, one.traceback, one.line, one.dag_id) for one in [*loaded.errors, *problems]]
    return FileParsed(
        path=order.path,
        dags=tuple(specs),
        errors=tuple(errors),
        inputs=loaded.inputs,
        duration=time.monotonic() - begun,
        warnings=tuple(_shown(one) for one in caught if one.filename.startswith(order.folder)),
        findings=found,
        watchers=tuple(watchers),
    )


def _serialised(
    loaded: LoadedFile, watch: ImportWatch
) -> tuple[list[DagSpec], list[WatcherSpec], list[FileProblem]]:
    specs: list[DagSpec] = []
    watchers: list[WatcherSpec] = []
    problems: list[FileProblem] = []
    for dag in loaded.dags.values():
        try:
            spec = serialize_dag(dag, file=loaded.path, folder=loaded.folder)
            watchers += watchers_of(dag, loaded.path, lambda: loaded)
            specs.append(spec)
        except Exception as error:
            problems.append(_problem(dag, error, loaded.path, watch.line_of(dag)))
    return specs, watchers, problems


def _problem(dag: DAG, error: Exception, path: str, line: int | None) -> FileProblem:
    # Errors that are raised on purpose say all there is; others are shown with where they come from.
    trace = "" if isinstance(error, AuthoringError) else user_traceback(error)
    return FileProblem(f"{one_line(error)} ({path})", trace, line, dag.dag_id)


def _shown(warning: warnings.WarningMessage) -> str:
    return f"{warning.category.__name__}: {warning.message} ({warning.filename}, line {warning.lineno})"


def _too_large(parsed: FileParsed, error: ProtocolError) -> FileParsed:
    problem = FileError(f"the file's DAGs are too large: {error}")
    return FileParsed(parsed.path, (), (problem,), parsed.inputs, parsed.duration)
