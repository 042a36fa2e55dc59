"""A supervisor for tests: starts a real template process, forks real runners, and speaks for the engine."""

from __future__ import annotations

import itertools
import os
import select
import socket
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from bide.model.values import decode, encode
from bide.observe.leftovers import STORE_VARIABLE
from bide.wire.channel import Channel
from bide.wire.frames import FrameReader, encode_frame
from bide.wire.messages import (
    AnyMessage,
    Defer,
    Exited,
    Finish,
    Fork,
    Forked,
    Frame,
    InstanceKey,
    Ok,
    PullXCom,
    PushXCom,
    Reschedule,
    Resume,
    Retiring,
    RunInfo,
    RunTask,
    TriggerLoad,
    XComs,
    XComValue,
)

#: Seconds after which something that should happen at once is taken not to happen.
PATIENCE = 20.0


class TemplateProcess:
    """A template process and the engine's end of its channel."""

    def __init__(self, *, preload: str = "", environment: dict[str, str] | None = None) -> None:
        self.store = f"test-{uuid.uuid4()}"
        self._numbers = itertools.count(1)
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bide.runner.template", "--fd", str(theirs.fileno()), "--preload", preload],
                pass_fds=[theirs.fileno()],
                env={**os.environ, STORE_VARIABLE: self.store, **(environment or {})},
                stderr=subprocess.PIPE,
            )
        self.sock = ours
        self._reader = FrameReader()
        self._messages: list[AnyMessage] = []
        self._runners: list[Runner] = []
        self._errors: str | None = None

    def fork(self, role: Literal["task", "trigger", "parse"]) -> Runner:
        """A runner and the supervisor's end of its channel."""
        label = f"{role}-{next(self._numbers)}"
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.sock, [encode_frame(Fork(label=label, role=role))], [theirs.fileno()])
        forked = self.expect(lambda body: isinstance(body, Forked) and body.label == label)
        assert isinstance(forked, Forked)
        runner = Runner(self, label, forked.pid, ours)
        self._runners.append(runner)
        return runner

    def expect(self, wanted: Callable[[AnyMessage], bool]) -> AnyMessage:
        """The first message that is `wanted`; the others stay."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for place, body in enumerate(self._messages):
                if wanted(body):
                    return self._messages.pop(place)
            readable, _, _ = select.select([self.sock], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise AssertionError(f"the template did not say what was expected, only {self._messages}")
            data = self.sock.recv(65536)
            if not data:
                raise AssertionError(f"the template has gone: {self.errors()}")
            self._reader.feed(data)
            self._messages.extend(frame.body for frame, _ in self._reader.frames())

    def exit_of(self, runner: Runner) -> Exited:
        """How `runner` ended; waits until it and all it started are gone."""
        body = self.expect(lambda body: isinstance(body, Exited) and body.label == runner.label)
        assert isinstance(body, Exited)
        return body

    def errors(self) -> str:
        """What runners and template have written to standard error; waits for their end."""
        assert self.process.stderr is not None
        if self._errors is None:
            self._errors = self.process.stderr.read().decode()
        return self._errors

    def stop(self) -> str:
        """End it as an engine does that goes; returns its standard error. May be called again."""
        self.sock.close()
        for runner in self._runners:
            runner.sock.close()
        errors = self.errors()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process.wait(PATIENCE)
        return errors


class Runner:
    """A forked runner and the supervisor's end of its channel."""

    def __init__(self, template: TemplateProcess, label: str, pid: int, sock: socket.socket) -> None:
        self.template = template
        self.label = label
        self.pid = pid
        self.sock = sock
        sock.settimeout(PATIENCE)
        self.channel = Channel(sock)
        sock.settimeout(PATIENCE)
        self.xcoms: dict[tuple[str, str | None], bytes] = {}
        self.said: list[AnyMessage] = []
        #: Called with each request; may return another reply than Ok.
        self.answer: Callable[[Frame], AnyMessage | None] = lambda frame: None

    def send(self, body: AnyMessage) -> None:
        """Say something."""
        self.channel.send(body)

    def receive(self) -> AnyMessage:
        """What it says next."""
        return self.channel.receive().body

    def run(self, order: RunTask) -> AnyMessage:
        """Run a task and return its final request, answered with Ok."""
        self.channel.send(order)
        return self.serve(order)

    def serve(self, order: RunTask) -> AnyMessage:
        """Answer requests of a task until its final one, which is returned."""
        while True:
            frame = self.channel.receive()
            body = frame.body
            self.said.append(body)
            if frame.request == 0:
                if isinstance(body, Retiring):
                    continue
                return body
            assert (frame.instance, frame.epoch) == (order.instance.id, order.epoch)
            reply = self.answer(frame) or self._usual_answer(body, order)
            self.channel.send(reply, request=frame.request)
            if isinstance(body, Finish | Defer | Reschedule) and isinstance(reply, Ok):
                return body

    def _usual_answer(self, body: AnyMessage, order: RunTask) -> AnyMessage:
        if isinstance(body, PushXCom):
            self.xcoms[order.instance.task_id, body.key] = body.value
        if isinstance(body, PullXCom):
            found = [
                XComValue(task_id, -1, body.key or "any", self.xcoms[task_id, body.key])
                for task_id in body.task_ids
                if (task_id, body.key) in self.xcoms
            ]
            return XComs(values=tuple(found))
        return Ok()

    def exit(self) -> Exited:
        """How it ended."""
        return self.template.exit_of(self)


class Project:
    """A folder of DAG files and logs."""

    def __init__(self, root: Path) -> None:
        self.dags = root / "dags"
        self.logs = root / "logs"
        self.dags.mkdir(exist_ok=True)
        self._epochs = itertools.count(1)

    def write(self, name: str, text: str) -> Path:
        """Write a DAG file or a module; a change is seen whatever the clock's resolution."""
        path = self.dags / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text))
        return path

    def dag(self, body: str, name: str = "example.py") -> Path:
        """A DAG file with the usual imports in front of `body`."""
        imports = """
            from datetime import datetime, timedelta, timezone
            import os, sys, time, threading, subprocess, logging, signal
            from bide.authoring.dag import DAG
            from bide.authoring.operator import BaseOperator
            from bide.authoring.python import PythonOperator
            from bide.authoring.sensor import BaseSensorOperator
            from bide.authoring.taskflow import task
            from bide.authoring.deferral import TaskDeferred
            from bide.authoring.context import get_current_context
            from bide.authoring.trigger import *
            from bide.model.errors import *
        """
        return self.write(name, textwrap.dedent(imports) + textwrap.dedent(body))

    def order(self, file: Path, task_id: str = "t", dag_id: str = "d", **changes: Any) -> RunTask:
        """What the engine would send to run a task."""
        epoch = next(self._epochs)
        now = time.time()
        fields: dict[str, Any] = {
            "instance": InstanceKey(str(uuid.uuid4()), dag_id, "run1", task_id),
            "epoch": epoch,
            "try_number": 1,
            "max_tries": 0,
            "dag_file": str(file),
            "dag_folder": str(self.dags),
            "dag_hash": "0" * 32,
            "run": RunInfo(
                dag_id=dag_id,
                run_id="run1",
                run_type="manual",
                logical_date="2026-01-31T00:00:00+00:00",
                data_interval_start="2026-01-31T00:00:00+00:00",
                data_interval_end="2026-01-31T00:00:00+00:00",
                run_after="2026-01-31T00:00:00+00:00",
                start_date="2026-01-31T00:00:01+00:00",
            ),
            "log_path": str(self.logs / f"{task_id}-{epoch}.log"),
            "started_at": now,
        }
        return RunTask(**{**fields, **changes})

    def log(self, order: RunTask | TriggerLoad) -> str:
        """What stands in the log of a task."""
        return Path(order.log_path).read_text()


def resume(method: str, event: object = None, **kwargs: object) -> Resume:
    """Where a task goes on."""
    return Resume(method=method, kwargs=encode(kwargs, what="kwargs"), event=encode(event, what="event"))


def returned(body: AnyMessage) -> Any:
    """The return value of a task that succeeded."""
    assert isinstance(body, Finish), body
    assert body.state == "success", body
    return None if body.return_value is None else decode(body.return_value)


def failed(body: AnyMessage) -> str:
    """The error of a task that failed."""
    assert isinstance(body, Finish), body
    assert body.state == "failed", body
    return body.error


ONE_TASK = """
    with DAG("d", params={{"colour": "red"}}):
        @task{options}
        def t(**context):
            {body}
        t()
"""


def one_task(project: Project, body: str, options: str = "") -> Path:
    """A DAG file with one task, whose code is the lines of `body`."""
    return project.dag(ONE_TASK.format(options=options, body="\n            ".join(body.strip().split("\n"))))
