"""The engine's side of the template process: the one place where runners come from.

The template (:mod:`bide.runner.template`) is started by ``exec`` and forks every runner. It is restarted
when it dies; its runners die with it (``PR_SET_PDEATHSIG``), and what they left behind is killed here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from bide.model.errors import BideError, ProtocolError
from bide.observe.leftovers import STORE_VARIABLE, kill_group, kill_marked
from bide.wire.async_channel import AsyncChannel
from bide.wire.frames import ChannelClosed
from bide.wire.messages import Exited, Fork, Forked

_log = logging.getLogger(__name__)

Role = Literal["task", "trigger", "parse", "secrets", "extension"]

#: Seconds between a death of the template and the next start: the first pause, doubled at each death up to
#: the last.
_FIRST_PAUSE: Final = 0.05
_LAST_PAUSE: Final = 5.0
#: Deaths in a row without one fork; after these, those who wait for a fork are told.
_PATIENCE: Final = 4
#: Seconds after which a runner that was killed is given up.
_KILL_PATIENCE: Final = 10.0
#: Seconds that the template gets to end its runners and itself.
_STOP_TIMEOUT: Final = 5.0
_STANDARD_ERROR: Final = 2
#: Bytes at the end of the runners' stray output that are shown when the template can't start.
_TAIL: Final = 2000


class TemplateUnavailable(BideError):
    """No runner can be forked: the template process is stopped, or dies whenever it is started."""


class RunnerExit(NamedTuple):
    """How a runner ended."""

    #: Exit code, or the negative number of the signal (:func:`os.waitstatus_to_exitcode`).
    status: int
    #: It was killed because its template died, and not on its own account.
    with_template: bool = False

    def __str__(self) -> str:
        """For the end of a sentence that begins with "the process": ``exited with code 3``."""
        if self.with_template:
            return "was killed because the template process died"
        if self.status >= 0:
            return f"exited with code {self.status}"
        number = -self.status
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        hint = ", maybe out of memory" if number == signal.SIGKILL else ""
        return f"died with signal {number} ({name}){hint}"


class Runner(NamedTuple):
    """A runner that has been forked."""

    channel: AsyncChannel
    pid: int
    #: Resolves when it is gone with all that it had started. Shared: shield it before waiting with a timeout.
    exited: asyncio.Future[RunnerExit]

    async def end(self, patience: float) -> RunnerExit:
        """See it go; kill it, and what it has started, if it is still there after `patience` seconds."""
        await asyncio.wait([self.exited], timeout=patience)
        if not self.exited.done():
            kill_group(self.pid)
            await asyncio.wait([self.exited], timeout=_KILL_PATIENCE)
        if not self.exited.done():
            # It hangs in the kernel, or the template process does; it will never run again.
            _log.error("runner process %d was killed and is still there", self.pid)
            return RunnerExit(-signal.SIGKILL)
        return self.exited.result()


class Template:
    """Starts the template process, forks runners through it and tells when they end.

    For one event loop. `store_id` goes into the environment as ``BIDE_STORE``, so that an engine that comes
    later finds processes that this one left; `output` is a file that gets what runners print outside of
    tasks (None: the engine's standard error).
    """

    def __init__(
        self,
        *,
        store_id: str,
        preload: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        self._command = (sys.executable, "-m", "bide.runner.template")
        self._preload = tuple(preload)
        self._store_id = store_id
        self._environment = {**(os.environ if environment is None else environment), STORE_VARIABLE: store_id}
        self._output = output
        self._process: asyncio.subprocess.Process | None = None
        self._channel: AsyncChannel | None = None
        self._up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._deaths = 0
        self._forking: dict[str, asyncio.Future[int]] = {}
        self._exits: dict[str, asyncio.Future[RunnerExit]] = {}
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The template's process id while it runs."""
        return self._process.pid if self._process is not None and self._up.is_set() else None

    async def start(self) -> None:
        """Start the template; it keeps being restarted until :meth:`stop`."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="template")

    async def stop(self) -> None:
        """End the template with all its runners and everything that these started."""
        self._stopping.set()
        if self._keeper is None:
            return
        if self._channel is not None:
            self._channel.close()
        await self._keeper

    async def fork(self, role: Role, label: str) -> Runner:
        """A new runner for `role`. `label` must never have been used before.

        Waits while the template restarts. Raises :class:`TemplateUnavailable` if it is stopped or can't
        start.
        """
        while True:
            await self._wait_until_up()
            ours, theirs = socket.socketpair()
            try:
                pid, exited = await self._fork_once(role, label, theirs)
            except ChannelClosed:
                # The template died meanwhile, and the runner with it, if there was one.
                ours.close()
                # Its keeper may not have seen that yet, and can't before the loop turns.
                await asyncio.sleep(0)
                continue
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            self._deaths = 0
            return Runner(await AsyncChannel.open(ours), pid, exited)

    async def _wait_until_up(self) -> None:
        while not self._up.is_set():
            if self._stopping.is_set() or self._keeper is None or self._keeper.done():
                raise TemplateUnavailable("no runner can be started: the engine is stopping")
            if self._deaths >= _PATIENCE:
                raise TemplateUnavailable(await asyncio.to_thread(self._why_it_dies))
            await self._up.wait()

    async def _fork_once(
        self, role: Role, label: str, theirs: socket.socket
    ) -> tuple[int, asyncio.Future[RunnerExit]]:
        assert self._channel is not None
        loop = asyncio.get_running_loop()
        forked: asyncio.Future[int] = loop.create_future()
        exited: asyncio.Future[RunnerExit] = loop.create_future()
        self._forking[label] = forked
        self._exits[label] = exited
        try:
            self._channel.send(Fork(label, role), fds=[theirs.fileno()])
            return await forked, exited
        except (ChannelClosed, TemplateUnavailable):
            self._exits.pop(label, None)
            raise
        finally:
            self._forking.pop(label, None)

    async def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            output = await asyncio.to_thread(self._open_output)
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--fd",
                    str(theirs.fileno()),
                    "--preload",
                    ",".join(self._preload),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    # A terminal's Ctrl-C is for the engine, which ends its runners in good order.
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
            finally:
                if self._output is not None:
                    os.close(output)
        self._channel = await AsyncChannel.open(ours)
        if self._stopping.is_set():
            self._channel.close()
        self._up.set()

    def _open_output(self) -> int:
        if self._output is None:
            return _STANDARD_ERROR
        self._output.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._output, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def _keep(self) -> None:
        """Serve one template process after the other."""
        while True:
            if self._up.is_set():
                await self._listen()
                self._up.clear()
                await self._bury()
            if self._stopping.is_set():
                return
            self._deaths += 1
            pause = min(_FIRST_PAUSE * 2 ** (self._deaths - 1), _LAST_PAUSE)
            _log.error("the template process is gone; starting it again in %.2f s", pause)
            self._tell_waiters()
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            except TimeoutError:
                await self._relaunch()

    async def _relaunch(self) -> None:
        try:
            await self._launch()
        except OSError as error:
            _log.error("the template process can't be started: %s", error)

    async def _listen(self) -> None:
        """Take messages of the template until it is gone."""
        assert self._channel is not None
        while True:
            try:
                body = (await self._channel.receive()).body
            except ChannelClosed:
                return
            except ProtocolError as error:
                _log.error("the template process sent something that can't be read: %s", error)
                return
            if isinstance(body, Forked):
                if (forked := self._forking.get(body.label)) is not None and not forked.done():
                    forked.set_result(body.pid)
            elif isinstance(body, Exited):
                self._on_exit(body)
            else:
                _log.error("the template process sent a %s, which it never should", type(body).__name__)

    def _on_exit(self, message: Exited) -> None:
        forked = self._forking.get(message.label)
        if forked is not None and not forked.done():
            # It never came to be.
            forked.set_exception(
                TemplateUnavailable(f"the template process can't fork {message.label}: no room for more processes")
            )
        self._resolve(message.label, RunnerExit(message.status))

    def _resolve(self, label: str, how: RunnerExit) -> None:
        exited = self._exits.pop(label, None)
        if exited is not None and not exited.done():
            exited.set_result(how)

    def _tell_waiters(self) -> None:
        """Wake those in :meth:`_wait_until_up`, who look at the number of deaths."""
        self._up.set()
        self._up.clear()

    async def _bury(self) -> None:
        """See the process end, kill what its runners left, tell those who wait."""
        assert self._process is not None and self._channel is not None
        self._channel.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            _log.error("the template process did not end within %.0f s; killing it", _STOP_TIMEOUT)
            self._process.kill()
            await self._process.wait()
        await asyncio.to_thread(kill_marked, self._store_id)
        for forked in self._forking.values():
            if not forked.done():
                forked.set_exception(ChannelClosed("the template process died"))
        for label in list(self._exits):
            self._resolve(label, RunnerExit(-signal.SIGKILL, with_template=True))
        self._tell_waiters()

    def _why_it_dies(self) -> str:
        code = self._process.returncode if self._process is not None else None
        how = str(RunnerExit(code)) if code is not None else "ended"
        text = (
            f"no runner can be started: the template process ({' '.join(self._command)}) {how} "
            f"{self._deaths} times in a row"
        )
        if self._output is None:
            return text
        with self._output.open("rb") as file:
            file.seek(max(0, self._output.stat().st_size - _TAIL))
            tail = file.read().decode(errors="replace").strip()
        return f"{text}; the end of {self._output}:\n{tail}"
