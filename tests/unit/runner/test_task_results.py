from __future__ import annotations

import re

import pytest

from bide.model.values import decode
from bide.wire.messages import (
    AnyMessage,
    Finish,
    Frame,
    PullXCom,
    PushXCom,
    Refused,
    XComValue,
)
from tests.unit.runner.harness import Project, Runner, failed, one_task, returned


def test_the_return_value_is_sent_with_the_success(worker: Runner, project: Project) -> None:
    file = one_task(project, "return {'rows': [1, 2.5, None], 'at': datetime(2026, 1, 1, tzinfo=timezone.utc)}")
    value = returned(worker.run(project.order(file)))
    assert value["rows"] == [1, 2.5, None]
    assert value["at"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_a_task_without_a_result_stores_none(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            PythonOperator(task_id="nothing", python_callable=lambda: None)
            PythonOperator(task_id="unwanted", python_callable=lambda: 1, do_xcom_push=False)
        """
    )
    for task_id in ("nothing", "unwanted"):
        body = worker.run(project.order(file, task_id))
        assert body == Finish(state="success")


def test_several_outputs_are_pushed_under_their_names(worker: Runner, project: Project) -> None:
    file = one_task(project, "return {'a': 1, 'b': [2]}", "(multiple_outputs=True)")
    assert returned(worker.run(project.order(file))) == {"a": 1, "b": [2]}
    assert {key: decode(value) for (_, key), value in worker.xcoms.items()} == {"a": 1, "b": [2]}


@pytest.mark.parametrize(
    ("result", "complaint"),
    [("[1]", r"must return a dict, not list: \[1\]"), ("{1: 2}", "must be strings, not 1")],
)
def test_several_outputs_must_be_a_dict(worker: Runner, project: Project, result: str, complaint: str) -> None:
    file = one_task(project, f"return {result}", "(multiple_outputs=True)")
    assert re.search(complaint, failed(worker.run(project.order(file))))


def test_a_result_that_cannot_be_stored_fails_the_task_with_its_path(worker: Runner, project: Project) -> None:
    file = one_task(project, "return {'rows': [0, {'lock': threading.Lock()}]}")
    order = project.order(file)
    error = failed(worker.run(order))
    assert error.startswith("NotSerializable: return value['rows'][1]['lock'] is a _thread.lock")
    assert error in project.log(order)


def test_the_context_has_the_run_and_the_instance(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
ti, run = context["ti"], context["dag_run"]
return [ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, run.conf, context["ds"],
        context["params"]["colour"], ti.start_date.timestamp(), run.run_type, context["task"].task_id]
""",
    )
    order = project.order(file, try_number=2, max_tries=3, started_at=1000.5)
    assert returned(worker.run(order)) == [
        "d", "run1", "t", -1, 2, 3, {}, "2026-01-31", "red", 1000.5, "manual", "t",
    ]  # fmt: skip


def test_templates_are_rendered_into_a_copy_for_each_run(worker: Runner, project: Project) -> None:
    file = project.dag(
        """
        class Op(BaseOperator):
            template_fields = ("text",)
            def __init__(self, text, **kwargs):
                super().__init__(**kwargs)
                self.text = text
            def execute(self, context):
                before, self.text = self.text, "changed"
                return [before, hasattr(self, "leak"), setattr(self, "leak", 1)]

        with DAG("d"):
            Op(task_id="t", text="{{ ds }} of {{ run_id }} {{ ti.try_number }}")
        """
    )
    assert returned(worker.run(project.order(file))) == ["2026-01-31 of run1 1", False, None]
    assert returned(worker.run(project.order(file, try_number=2))) == ["2026-01-31 of run1 2", False, None]


def test_xcoms_that_came_with_the_order_are_not_asked_for(worker: Runner, project: Project) -> None:
    file = one_task(project, "return context['ti'].xcom_pull(task_ids=['first', 'second'], key='k')")
    along = (XComValue("first", -1, "k", b'"along"'),)
    worker.xcoms["second", "k"] = b'"asked"'
    assert returned(worker.run(project.order(file, xcoms=along))) == ["along", "asked"]
    assert [body.task_ids for body in worker.said if isinstance(body, PullXCom)] == [("second",)]


def test_a_key_that_is_none_asks_for_whatever_is_there(worker: Runner, project: Project) -> None:
    file = one_task(project, "return context['ti'].xcom_pull(task_ids='first', key=None)")
    worker.xcoms["first", None] = b'"newest"'
    assert returned(worker.run(project.order(file, xcoms=(XComValue("first", -1, "k", b'"along"'),)))) == "newest"


def test_a_key_that_is_no_text_is_said_to_be_none(worker: Runner, project: Project) -> None:
    file = one_task(project, "return context['ti'].xcom_pull(task_ids='first', key=5)")
    assert "xcom_pull(): the key must be a string, not 5" in failed(worker.run(project.order(file)))


def test_xcoms_of_other_runs_are_always_asked_for(worker: Runner, project: Project) -> None:
    file = one_task(project, "return context['ti'].xcom_pull(task_ids='first', key='k', run_id='other')")
    along = (XComValue("first", -1, "k", b'"of this run"'),)
    worker.xcoms["first", "k"] = b'"of the other run"'
    assert returned(worker.run(project.order(file, xcoms=along))) == "of the other run"
    (question,) = [body for body in worker.said if isinstance(body, PullXCom)]
    assert question.run_id == "other"


def test_pushing_waits_until_it_is_durable_also_in_threads(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
ti = context["ti"]
threads = [threading.Thread(target=ti.xcom_push, args=(f"k{n}", n)) for n in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ti.xcom_push(key="own", value={"a": 1})
""",
    )
    worker.run(project.order(file))
    pushed = {body.key: decode(body.value) for body in worker.said if isinstance(body, PushXCom)}
    assert pushed == {"k0": 0, "k1": 1, "k2": 2, "k3": 3, "k4": 4, "own": {"a": 1}}


def test_a_process_that_the_task_forks_cannot_speak_in_its_place(worker: Runner, project: Project) -> None:
    file = one_task(
        project,
        """
read_end, write_end = os.pipe()
if os.fork() == 0:
    try:
        context["ti"].xcom_push(key="k", value=1)
    except Exception as error:
        os.write(write_end, str(error).encode())
    os._exit(0)
os.wait()
return os.read(read_end, 1000).decode()
""",
    )
    said = returned(worker.run(project.order(file)))
    assert "was forked by the task's code" in said
    assert not [body for body in worker.said if isinstance(body, PushXCom)]


def test_a_refused_push_is_an_error_of_the_task(worker: Runner, project: Project) -> None:
    file = one_task(project, "context['ti'].xcom_push(key='k', value=1)")

    def refuse(frame: Frame) -> AnyMessage | None:
        return Refused("too large") if isinstance(frame.body, PushXCom) else None

    worker.answer = refuse
    assert failed(worker.run(project.order(file))) == "TaskError: XCom 'k' can't be pushed: too large"


def test_an_operator_may_change_its_fields_before_they_are_rendered(worker: Runner, project: Project) -> None:
    project.write("rows.sql", "select '{{ 1 }}'")
    file = project.dag(
        """
        class Query(BaseOperator):
            template_fields = ("sql", "parameters")
            template_ext = (".sql",)

            def __init__(self, sql, parameters, **kwargs):
                super().__init__(**kwargs)
                self.sql, self.parameters = sql, parameters

            def prepare_template(self):
                self.sql = [text.upper() for text in self.sql]
                self.parameters = eval(self.parameters)

            def execute(self, context):
                return [self.sql, self.parameters]

        with DAG("d"):
            Query(task_id="t", sql=["rows.sql", "a {{ 2 }}"], parameters="{'day': '{{ task.task_id }}'}")
        """
    )
    assert returned(worker.run(project.order(file))) == [["SELECT '1'", "A 2"], {"day": "t"}]
