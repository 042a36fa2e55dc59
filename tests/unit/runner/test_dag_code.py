from __future__ import annotations

import os
import re
import time

import pytest

from bide.wire.messages import (
    Finish,
    Ok,
    Retiring,
    StaleCode,
    Stop,
)
from tests.unit.runner.harness import Project, Runner, TemplateProcess, failed, one_task, returned


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def broken(:\n", r"DagFileBroken: SyntaxError: .* \(.*example.py, line 1\)"),
        (
            "import no_such_module_at_all\n",
            r"DagFileBroken: ModuleNotFoundError: No module named 'no_such.*line 1\)",
        ),
        ("import sys\nsys.exit(4)\n", r"DagFileBroken: SystemExit: the file calls sys.exit\(4\) .*line 2\)"),
        ("x = 1\n", r"NotFound: DAG 'd' is gone: .*example.py does not make it any more \(it makes: none\)"),
    ],
)
def test_a_file_that_no_longer_works_fails_the_task(
    worker: Runner, project: Project, text: str, error: str
) -> None:
    order = project.order(project.write("example.py", text))
    body = worker.run(order)
    assert re.search(error, failed(body))
    assert re.search(error, project.log(order))
    if "DagFileBroken" in error:
        assert isinstance(worker.said[0], Retiring), "the next task shall not find this failure again"


def test_a_task_that_is_gone_fails_with_its_name(worker: Runner, project: Project) -> None:
    order = project.order(one_task(project, "pass"), "lost")
    assert "task 'lost' is gone from DAG 'd'" in failed(worker.run(order))


def test_two_dags_of_one_id_fail_their_tasks(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d") as one:
            PythonOperator(task_id="t", python_callable=print)
        with DAG("d") as two:
            PythonOperator(task_id="t", python_callable=print)
        """
    )
    assert "DuplicateId: the file makes 2 DAGs with the id 'd'" in failed(worker.run(project.order(file)))


def test_a_changed_file_is_not_run_by_a_warm_worker(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    project.write("helper.py", "VALUE = 1\n")
    project.write("table.txt", "one")
    file = project.dag(
        """
        import helper, pathlib
        TEXT = pathlib.Path(__file__).with_name("table.txt").read_text()
        with DAG("d"):
            @task
            def t(): return [helper.VALUE, TEXT]
            t()
        """
    )
    assert returned(worker.run(project.order(file))) == [1, "one"]
    for name, text, now in (("helper.py", "VALUE = 22\n", [22, "one"]), ("table.txt", "two!", [22, "two!"])):
        project.write(name, text)
        order = project.order(file)
        stale = worker.run(order)
        assert isinstance(stale, StaleCode)
        assert f"{name} has changed" in stale.reason
        assert worker.exit().status == 0
        worker = shared.fork("task")
        assert returned(worker.run(order)) == now


def test_a_module_that_a_task_imports_is_watched_too(worker: Runner, project: Project) -> None:
    project.write("late.py", "VALUE = 1\n")
    file = one_task(project, "import late\nreturn late.VALUE")
    assert [returned(worker.run(project.order(file))) for _ in range(2)] == [1, 1]
    project.write("late.py", "VALUE = 22\n")
    assert isinstance(worker.run(project.order(file)), StaleCode)


def test_a_module_saved_twice_within_a_second_is_seen(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        import helper
        with DAG("d"):
            @task
            def t(): return helper.VALUE
            t()
        """
    )
    stamp = time.time()
    for value in (1, 2, 3):
        # The same size and the same second: Python's own cache would not notice.
        os.utime(project.write("helper.py", f"VALUE = {value}\n"), (stamp, stamp))
        worker = shared.fork("task")
        assert returned(worker.run(project.order(file))) == value


def test_another_version_of_the_dag_gets_one_fresh_import(shared: TemplateProcess, project: Project) -> None:
    file = one_task(project, "return 1")
    first = shared.fork("task")
    assert returned(first.run(project.order(file, dag_hash="a" * 32))) == 1
    assert returned(first.run(project.order(file, dag_hash="a" * 32))) == 1
    order = project.order(file, dag_hash="b" * 32)
    assert isinstance(first.run(order), StaleCode)
    second = shared.fork("task")
    assert returned(second.run(order)) == 1


def test_a_worker_serves_one_file(worker: Runner, project: Project) -> None:
    worker.run(project.order(one_task(project, "pass")))
    other = project.dag("with DAG('e'): PythonOperator(task_id='t', python_callable=print)", "other.py")
    stale = worker.run(project.order(other, dag_id="e"))
    assert isinstance(stale, StaleCode)


def test_a_worker_that_is_told_to_stop_ends(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    worker.run(project.order(one_task(project, "pass")))
    worker.send(Stop())
    assert worker.exit().status == 0


def test_a_stop_that_comes_while_a_task_runs_is_obeyed_after_it(shared: TemplateProcess, project: Project) -> None:
    worker = shared.fork("task")
    order = project.order(one_task(project, "context['ti'].xcom_push(key='k', value=1)"))
    worker.send(order)
    frame = worker.channel.receive()
    worker.send(Stop())
    worker.channel.send(Ok(), request=frame.request)
    assert worker.serve(order) == Finish(state="success")
    assert worker.exit().status == 0


MANY = """
    from bide import get_parsing_context
    made = []
    wanted = get_parsing_context().dag_id
    for number in range(100):
        dag_id = f"d{number}"
        if wanted is not None and dag_id != wanted:
            continue
        with DAG(dag_id):
            made.append(dag_id)

            @task
            def t():
                return made

            t()
"""


def test_a_worker_makes_only_the_dag_that_it_needs(shared: TemplateProcess, project: Project) -> None:
    """A file may make hundreds; which one is wanted is told by get_parsing_context()."""
    file = project.dag(MANY)
    worker = shared.fork("task")
    assert returned(worker.run(project.order(file, dag_id="d7"))) == ["d7"]
    assert returned(worker.run(project.order(file, dag_id="d7"))) == ["d7"], "warm"
    stale = worker.run(project.order(file, dag_id="d8"))
    assert isinstance(stale, StaleCode)
    assert "has imported its file for ParsingContext(dag_id='d7'" in stale.reason
    assert returned(shared.fork("task").run(project.order(file, dag_id="d8"))) == ["d8"]


def test_a_file_that_does_not_ask_serves_all_its_dags(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(MANY.replace("get_parsing_context().dag_id", "None"))
    worker = shared.fork("task")
    for dag_id in ("d7", "d8"):
        assert len(returned(worker.run(project.order(file, dag_id=dag_id)))) == 100
