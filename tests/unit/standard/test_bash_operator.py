import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bide.authoring.dag import DAG
from bide.model.errors import TaskError, TaskSkipped
from bide.standard.operators.bash import BashOperator
from bide.standard.operators.empty import EmptyOperator


class Lines(logging.Handler):
    """What was logged so far; `seen(text)` waits for a line."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self._changed = threading.Condition()

    def emit(self, record):
        with self._changed:
            self.lines.append(record.getMessage())
            self._changed.notify_all()

    def seen(self, text):
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.lines, timeout=30), self.lines


@pytest.fixture
def run(context_of):
    def run(command, **options):
        task = BashOperator(task_id="b", bash_command=command, **options)
        return task.execute(context_of(task))

    return run


@pytest.fixture
def lines():
    handler = Lines()
    logger = logging.getLogger("bide.task")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_last_line_is_the_result(run, lines):
    assert run("echo one; echo two >&2; echo 'three  '") == "three"
    assert lines.lines[-3:] == ["one", "two", "three"]
    assert run("echo one", do_xcom_push=False) is None
    assert run("echo 41", output_processor=lambda line: int(line) + 1) == 42
    assert run(":") == ""


def test_lines_are_logged_as_they_come(context_of, lines, tmp_path):
    go = tmp_path / "go"
    os.mkfifo(go)
    task = BashOperator(task_id="b", bash_command=f"echo begun; cat {go}")
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(task.execute, context_of(task))
        lines.seen("begun")
        go.write_text("done\n")
        assert ending.result(30) == "done"


def test_output_that_is_no_text_does_not_fail_the_task(run):
    assert run(r"printf 'a\xffb'") == r"a\xffb"
    assert run(r"printf '\xe9'", output_encoding="latin-1") == "é"


@pytest.mark.parametrize(
    ("code", "options"), [(99, {}), (3, {"skip_on_exit_code": 3}), (4, {"skip_on_exit_code": [3, 4]})]
)
def test_some_exit_codes_skip(run, code, options):
    with pytest.raises(TaskSkipped, match=str(code)):
        run(f"exit {code}", **options)


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("exit 7", {}, "exit code 7"),
        ("exit 99", {"skip_on_exit_code": None}, "exit code 99"),
        ("kill -KILL $$", {}, "SIGKILL"),
        ("exit 3 | true; exit 3", {"skip_on_exit_code": 4}, "exit code 3"),
    ],
)
def test_other_exit_codes_fail(run, command, options, message):
    with pytest.raises(TaskError, match=message):
        run(command, **options)


def test_the_environment_is_replaced_or_added_to(run, monkeypatch):
    monkeypatch.setenv("BIDE_RUNNER", "w7")
    monkeypatch.setenv("BIDE_STORE", "s1")
    monkeypatch.setenv("OUTER", "yes")
    show = "echo ${OUTER-no} ${INNER-no} ${BIDE_RUNNER-no} ${BIDE_STORE-no} $AIRFLOW_CTX_TASK_ID"
    assert run(show) == "yes no w7 s1 b"
    assert run(show, env={"INNER": "in"}) == "no in w7 s1 b"
    assert run(show, env={"INNER": "in"}, append_env=True) == "yes in w7 s1 b"
    assert run(show, env={"BIDE_RUNNER": "hidden", "INNER": 5}) == "no 5 w7 s1 b"


def test_it_runs_where_it_is_told(run, tmp_path):
    assert run("pwd", cwd=str(tmp_path)) == str(tmp_path)
    with pytest.raises(TaskError, match="no folder"):
        run("pwd", cwd=str(tmp_path / "nowhere"))
    own = run("pwd")
    assert "bide-bash-" in own
    assert not Path(own).exists()


def test_a_script_with_arguments_is_a_command(tmp_path, context_of):
    script = tmp_path / "run.sh"
    script.write_text('#!/bin/sh\necho "$1-$2"\n')
    script.chmod(0o755)
    with DAG("d", schedule=None):
        task = BashOperator(task_id="b", bash_command=f"{script} {{{{ ts[:4] }}}} prod")
    context = context_of(task)
    task.render_template_fields(context)
    assert task.execute(context) == "2026-prod"


def test_a_script_alone_is_a_template_file(tmp_path, context_of):
    (tmp_path / "run.sh").write_text("echo {{ ts[:4] }}\n")
    with DAG("d", schedule=None, template_searchpath=str(tmp_path)):
        task = BashOperator(task_id="b", bash_command="run.sh")
    context = context_of(task)
    task.render_template_fields(context)
    assert task.execute(context) == "2026"


def test_a_kill_ends_the_command_and_its_children(context_of, lines, tmp_path):
    lifeline = tmp_path / "lifeline"
    os.mkfifo(lifeline)
    # The child holds the pipe open for writing: its end is the end of the file for the reader below.
    command = f"(exec 9>{lifeline}; echo ready; exec sleep 600) & wait"
    task = BashOperator(task_id="b", bash_command=command)
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(task.execute, context_of(task))
        with lifeline.open() as reader:
            lines.seen("ready")
            task.on_kill()
            assert reader.read() == ""
        with pytest.raises(TaskError, match="SIGTERM"):
            ending.result(30)
    task.on_kill()  # nothing is left to kill


def test_a_command_is_told_to_end_once(context_of, lines, tmp_path):
    """Many programs take a second signal as a wish to skip their own clean-up."""
    go = tmp_path / "go"
    command = f"trap 'echo told' TERM; echo ready; until [ -e {go} ]; do :; done; echo end"
    task = BashOperator(task_id="b", bash_command=command)
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(task.execute, context_of(task))
        lines.seen("ready")
        task.on_kill()
        lines.seen("told")
        task.on_kill()
        go.touch()
        assert ending.result(30) == "end"
    assert lines.lines.count("told") == 1


def test_the_command_has_a_process_group_of_its_own(run):
    assert run("kill -0 -- -$$ && echo leads") == "leads"


def test_an_interrupted_task_does_not_leave_its_command(context_of, lines, tmp_path):
    class Interrupted(BaseException):
        pass

    class Interrupting(logging.Handler):
        def emit(self, record):
            if record.getMessage() == "ready":
                raise Interrupted

    handler = Interrupting()
    task = BashOperator(task_id="b", bash_command="echo ready; exec sleep 600")
    task.log.addHandler(handler)
    try:
        with pytest.raises(Interrupted):
            task.execute(context_of(task))
    finally:
        task.log.removeHandler(handler)


def test_an_empty_task_does_nothing(context_of):
    task = EmptyOperator(task_id="e")
    assert task.execute(context_of(task)) is None
