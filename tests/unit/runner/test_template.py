from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bide.observe.leftovers import find_marked
from bide.wire.frames import encode_frame
from bide.wire.messages import Exited, Fork, Ping, Pong, Stop
from tests.unit.runner.conftest import StartTemplate
from tests.unit.runner.harness import PATIENCE, Project, TemplateProcess, returned

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the template is for Linux")


def wait_for_death(*handles: int) -> None:
    """Wait until the processes behind these pidfds are dead."""
    for handle in handles:
        assert select.select([handle], [], [], PATIENCE)[0], "a process is still alive"
        os.close(handle)


def test_a_runner_that_exits_is_reported(template: TemplateProcess) -> None:
    runner = template.fork("task")
    runner.send(Stop())
    assert runner.exit() == Exited(label=runner.label, pid=runner.pid, status=0)


def test_a_runner_that_is_killed_is_reported_with_its_signal(template: TemplateProcess) -> None:
    one, two = template.fork("task"), template.fork("task")
    os.kill(one.pid, signal.SIGKILL)
    assert one.exit().status == -signal.SIGKILL
    two.send(Stop())
    assert two.exit().status == 0


def test_a_runner_ends_when_its_channel_closes(template: TemplateProcess) -> None:
    for role in ("task", "trigger", "parse"):
        runner = template.fork(role)
        runner.sock.close()
        assert runner.exit().status == 0, role


def test_runners_do_not_inherit_each_others_channels(template: TemplateProcess, project: Project) -> None:
    others = [template.fork("task") for _ in range(3)]
    last = template.fork("task")
    file = project.dag(
        """
        with DAG("d"):
            @task
            def t():
                return sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if
                              os.path.islink(f"/proc/self/fd/{fd}") and
                              os.readlink(f"/proc/self/fd/{fd}").startswith(("socket:", "pipe:")))
            t()
        """
    )
    links = returned(last.run(project.order(file)))
    # Its own channel, and the standard error of the template, of which a copy is kept while the task runs.
    assert len([link for link in links if link.startswith("socket:")]) == 1
    for other in others:
        other.sock.close()
        other.exit()


def test_signals_of_the_terminal_are_ignored(template: TemplateProcess) -> None:
    runner = template.fork("task")
    for pid in (template.process.pid, runner.pid):
        os.kill(pid, signal.SIGINT)
    os.kill(template.process.pid, signal.SIGTERM)
    runner.send(Stop())
    assert runner.exit().status == 0
    assert template.process.poll() is None


def test_programs_that_a_task_starts_can_be_stopped_by_sigint(template: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            @task
            def t():
                child = subprocess.Popen(["sleep", "1000"])
                child.send_signal(signal.SIGINT)
                return child.wait()
            t()
        """
    )
    assert returned(template.fork("task").run(project.order(file))) == -signal.SIGINT


def test_each_runner_leads_a_session_of_its_own(template: TemplateProcess) -> None:
    runner = template.fork("trigger")
    runner.send(Ping(number=1))
    assert runner.receive() == Pong(number=1, holding=0)
    assert os.getpgid(runner.pid) == os.getsid(runner.pid) == runner.pid
    assert os.getsid(template.process.pid) == template.process.pid


HIDER = """
    with DAG("d"):
        @task
        def t():
            # Daemons: sessions of their own, their parents gone, their output closed.
            daemon = "setsid sleep 1000 >/dev/null 2>&1 &"
            subprocess.run(["bash", "-c", daemon + daemon])
            # And one that is only forked, so that its environment is not the runner's.
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    with open(os.environ["READY"], "w") as ready:
                        ready.write(str(os.getpid()))
                    time.sleep(1000)
                os._exit(0)
            time.sleep(1000)
        t()
"""


def make_pipe(folder: Path) -> Path:
    """A named pipe: reading it waits until another process has written to it."""
    path = folder / "ready"
    os.mkfifo(path)
    return path


def start_hider(template: TemplateProcess, project: Project, ready: Path) -> tuple[int, int]:
    """A worker whose task has left processes everywhere; handles of the worker and of the best hidden one."""
    file = project.dag(HIDER)
    runner = template.fork("task")
    order = project.order(file)
    runner.send(order)
    return os.pidfd_open(runner.pid), os.pidfd_open(int(ready.read_text()))


def test_nothing_outlives_a_killed_runner(tmp_path: Path, project: Project, start_template: StartTemplate) -> None:
    ready = make_pipe(tmp_path)
    template = start_template(environment={"READY": str(ready)})
    worker, hidden = start_hider(template, project, ready)
    os.kill(_pid_of(worker), signal.SIGKILL)
    wait_for_death(worker)
    exited = template.expect(lambda body: isinstance(body, Exited))
    assert isinstance(exited, Exited)
    # The message comes after everything is dead, not before.
    assert select.select([hidden], [], [], 0)[0]
    os.close(hidden)
    assert find_marked(template.store) == [template.process.pid]


def test_nothing_outlives_a_killed_engine(tmp_path: Path, project: Project, start_template: StartTemplate) -> None:
    ready = make_pipe(tmp_path)
    template = start_template(environment={"READY": str(ready)})
    worker, hidden = start_hider(template, project, ready)
    template.sock.close()
    wait_for_death(worker, hidden)
    template.process.wait(PATIENCE)
    assert find_marked(template.store) == []


ENGINE = """
from pathlib import Path
from tests.unit.runner.harness import Project, TemplateProcess

template = TemplateProcess(environment={{"READY": "{ready}"}})
worker = template.fork("task")
worker.send(Project(Path("{root}")).order(Path("{file}")))
print(template.store, template.process.pid, worker.pid, flush=True)
input()
"""


def test_an_engine_killed_with_sigkill_leaves_nothing(tmp_path: Path, project: Project) -> None:
    """The same with a real supervisor process that has no chance to say anything."""
    ready = make_pipe(tmp_path)
    file = project.dag(HIDER)
    script = ENGINE.format(ready=ready, root=project.dags.parent, file=file)
    engine = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert engine.stdout is not None
    assert engine.stdin is not None
    store, template_pid, worker_pid = engine.stdout.readline().decode().split()
    handles = [os.pidfd_open(int(template_pid)), os.pidfd_open(int(worker_pid))]
    handles.append(os.pidfd_open(int(ready.read_text())))
    engine.kill()
    engine.wait()
    wait_for_death(*handles)
    assert find_marked(store) == []
    with contextlib.suppress(BrokenPipeError):
        engine.stdin.close()
    engine.stdout.close()


def test_runners_die_with_a_killed_template(template: TemplateProcess) -> None:
    runners = [template.fork("task"), template.fork("trigger")]
    handles = [os.pidfd_open(runner.pid) for runner in runners]
    template.process.kill()
    wait_for_death(*handles)


def test_modules_are_preloaded_and_a_broken_one_harms_nobody(
    tmp_path: Path, project: Project, start_template: StartTemplate
) -> None:
    (tmp_path / "preloaded_module.py").write_text("import os\nPID = os.getpid()\n")
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    template = TemplateProcess(preload="broken_module,preloaded_module", environment={"PYTHONPATH": str(tmp_path)})
    file = project.dag(
        """
        with DAG("d"):
            @task
            def t():
                import preloaded_module
                return preloaded_module.PID
            t()
        """
    )
    runner = template.fork("task")
    assert returned(runner.run(project.order(file))) == template.process.pid
    runner.sock.close()
    errors = template.stop()
    assert "can't preload broken_module" in errors
    assert "ZeroDivisionError" in errors


def test_a_preloaded_module_that_starts_threads_is_reported(tmp_path: Path, start_template: StartTemplate) -> None:
    (tmp_path / "threading_module.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()\n"
    )
    template = start_template(preload="threading_module", environment={"PYTHONPATH": str(tmp_path)})
    template.fork("task").sock.close()
    assert "the template process has threads (ticker)" in template.stop()


def test_random_numbers_differ_between_runners(template: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            @task
            def t():
                import random
                return random.random()
            t()
        """
    )
    numbers = {returned(template.fork("task").run(project.order(file))) for _ in range(3)}
    assert len(numbers) == 3


def test_many_forks_at_once_keep_label_and_channel_together(template: TemplateProcess) -> None:
    runners = [template.fork("trigger") for _ in range(10)]
    for runner in runners:
        assert runner.sock.fileno() > 0
        runner.send(Stop())
    exits = {template.exit_of(runner).label: runner.label for runner in runners}
    assert len(exits) == 10


def test_a_fork_without_its_socket_is_refused(template: TemplateProcess) -> None:
    template.sock.sendall(encode_frame(Fork(label="lost", role="task")))
    exited = template.expect(lambda body: isinstance(body, Exited))
    assert isinstance(exited, Exited)
    assert (exited.label, exited.pid) == ("lost", 0)
    assert template.fork("task").pid > 0


def _pid_of(handle: int) -> int:
    info = Path(f"/proc/self/fdinfo/{handle}").read_text()
    return next(int(line.split()[1]) for line in info.splitlines() if line.startswith("Pid:"))


def test_the_template_imports_nothing_of_the_engine() -> None:
    script = "import bide.runner.template as t, sys; t.preload(t._USUAL); print(*sys.modules)"
    modules = (
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.decode().split()
    )
    unwanted = {"sqlalchemy", "fastapi", "uvicorn", "rich", "typer", "httpx", "structlog", "alembic", "watchfiles"}
    assert unwanted.isdisjoint(modules)
    assert not [
        name for name in modules if name.startswith(("bide.engine", "bide.store", "bide.control", "bide.cli"))
    ]


def test_it_can_be_started_by_hand_only_with_a_socket() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    done = subprocess.run(
        [sys.executable, "-m", "bide.runner.template"], capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert b"--fd" in done.stderr
