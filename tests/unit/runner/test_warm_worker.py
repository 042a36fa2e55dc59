"""What one task does to its process must not reach the next."""

from __future__ import annotations

import pytest

from bide.wire.messages import Finish, Retiring
from tests.unit.runner.conftest import StartTemplate
from tests.unit.runner.harness import Project, Runner, TemplateProcess, one_task, returned

SPOILER = """
    logging.getLogger("chosen").setLevel(logging.ERROR)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.environ["AT_IMPORT"] = "kept"

    def state():
        return [
            os.getcwd(), dict(os.environ), os.umask(0o22), str(signal.getsignal(signal.SIGUSR1)),
            str(signal.getsignal(signal.SIGUSR2)), list(sys.path), logging.getLogger("chosen").level,
            logging.getLogger().level, len(logging.getLogger().handlers), logging.root.manager.disable,
            type(sys.stdout).__name__, sys.stdout.fileno(), logging.getLogger("bide.runner").disabled,
        ]

    with DAG("d"):
        @task
        def look():
            logging.getLogger("anything").info("a line")
            print("printed")
            return state()

        @task
        def spoil():
            import io, logging.config, tempfile
            os.chdir(tempfile.mkdtemp())
            os.environ["SPOILED"] = "1"
            os.environ["AT_IMPORT"] = "changed"
            del os.environ["HOME"]
            os.umask(0)
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sys.path.insert(0, "/nowhere")
            sys.stdout = io.StringIO()
            sys.stderr = io.StringIO()
            logging.config.dictConfig({"version": 1, "root": {"level": "CRITICAL", "handlers": []}})
            logging.disable(logging.CRITICAL)
            logging.getLogger("chosen").setLevel(logging.DEBUG)

        look(); spoil()
"""


def test_state_is_restored_between_tasks(worker: Runner, project: Project) -> None:
    file = project.dag(SPOILER)
    before = returned(worker.run(project.order(file, "look")))
    assert before[1]["AT_IMPORT"] == "kept"
    assert worker.run(project.order(file, "spoil")) == Finish(state="success")
    order = project.order(file, "look")
    assert returned(worker.run(order)) == before
    log = project.log(order)
    assert "INFO  anything - a line" in log
    assert "INFO  stdout - printed" in log
    assert not any(isinstance(body, Retiring) for body in worker.said)


def test_a_folder_that_is_gone_is_left(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
import tempfile
folder = tempfile.mkdtemp()
before = os.getcwd()
os.chdir(folder)
os.rmdir(folder)
return before
""",
    )
    assert returned(worker.run(project.order(file))) == returned(worker.run(project.order(file)))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("threading.Thread(target=time.sleep, args=(60,), name='ticker', daemon=True).start()", "ticker"),
        ("subprocess.Popen(['sleep', '60'])", "processes were left running"),
        ("subprocess.run(['bash', '-c', 'setsid sleep 60 >/dev/null 2>&1 &'])", "processes were left running"),
    ],
)
def test_a_worker_with_leftovers_retires_after_its_reply(
    shared: TemplateProcess, project: Project, body: str, reason: str
) -> None:
    worker = shared.fork("task")
    assert isinstance(worker.run(project.order(one_task(project, body))), Finish)
    (retiring,) = [said for said in worker.said if isinstance(said, Retiring)]
    assert reason in retiring.reason
    assert worker.said.index(retiring) < len(worker.said) - 1, "said before the result, which ends the task"
    assert worker.exit().status == 0


def test_children_that_have_ended_are_no_leftovers(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
child = subprocess.Popen(["true"])
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
subprocess.run(["true"])
thread = threading.Thread(target=str)
thread.start()
thread.join()
""",
    )
    for _ in range(2):
        worker.run(project.order(file))
    assert not any(isinstance(body, Retiring) for body in worker.said)


def test_threads_that_the_file_starts_at_its_import_are_its_own_affair(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        CHILD = subprocess.Popen(["sleep", "1000"])
        with DAG("d"):
            PythonOperator(task_id="t", python_callable=lambda: CHILD.poll() is None)
        """
    )
    assert [returned(worker.run(project.order(file))) for _ in range(2)] == [True, True]
    assert not any(isinstance(body, Retiring) for body in worker.said)


def test_a_worker_retires_after_its_number_of_tasks(start_template: StartTemplate, project: Project) -> None:
    template = start_template(environment={"BIDE__LOCAL_EXECUTOR__WORKER_MAX_TASKS": "2"})
    for isolated in (False, True):
        worker = template.fork("task")
        file = one_task(project, "pass")
        for _ in range(2):
            worker.run(project.order(file, isolated=isolated))
        assert [type(body) for body in worker.said] == [Finish, Retiring, Finish]
        assert worker.exit().status == 0


def test_a_worker_that_has_grown_retires(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        HELD = []
        with DAG("d"):
            @task
            def t():
                HELD.append(b"x" * (600 * 1024 * 1024))
            t()
        """
    )
    worker.run(project.order(file))
    (retiring,) = [said for said in worker.said if isinstance(said, Retiring)]
    assert "it has grown by 6" in retiring.reason
