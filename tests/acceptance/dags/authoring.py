"""What DAG authors write around their own code, a task for each case."""

import logging
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from bide import (
    DAG,
    BaseOperator,
    BashOperator,
    EmptyOperator,
    Label,
    Param,
    PythonOperator,
    TaskFailure,
    TaskGroup,
    TaskSkipped,
    chain,
    cross_downstream,
    get_current_context,
    task,
    task_group,
)

log = logging.getLogger("warehouse")


class Greeting(BaseOperator):
    """An operator with templates, some of them deep in a value."""

    template_fields = ("words", "deep", "script")
    template_ext = (".sql",)

    def __init__(self, words, deep=None, script=None, **kwargs):
        super().__init__(**kwargs)
        self.words = words
        self.deep = deep
        self.script = script

    def execute(self, context):
        return {"words": self.words, "deep": self.deep, "script": self.script}


def push(**context):
    context["ti"].xcom_push(key="path", value="s3://bucket/file.parquet")
    context["ti"].xcom_push(key="number", value=1)
    context["ti"].xcom_push(key="number", value=2)
    return [1, 2, 3]


def pull(ti, ds, params, **context):
    return {
        "path": ti.xcom_pull(task_ids="xcom.push", key="path"),
        "number": ti.xcom_pull(task_ids="xcom.push", key="number"),
        "returned": ti.xcom_pull(task_ids="xcom.push"),
        "of_several": ti.xcom_pull(task_ids=["xcom.push", "xcom.nothing"]),
        "missing": ti.xcom_pull(task_ids="xcom.push", key="no such key"),
        "ds": ds,
        "name": params["name"],
        "conf": context["dag_run"].conf["env"],
    }


def fail_until(tries, ti):
    print(f"this is try {ti.try_number}")
    if ti.try_number < tries:
        raise ValueError(f"not in try {ti.try_number}")
    return ti.try_number


def speak():
    print("printed")
    print("printed to stderr", file=sys.stderr)
    log.info("logged with %s", "arguments")
    subprocess.run(["sh", "-c", "echo said by a child"], check=True)
    os.write(1, b"\xff\xfe not UTF-8\n")


with DAG(
    "authoring",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    default_args={"retries": 1, "retry_delay": 0.05, "owner": "data"},
    params={"name": "default", "size": Param(5, type="integer"), "unset": None},
    user_defined_macros={"shout": lambda text: text.upper() + "!"},
    tags=["acceptance"],
) as dag:
    with TaskGroup("xcom"):
        pushed = PythonOperator(task_id="push", python_callable=push, provide_context=True)
        nothing = PythonOperator(task_id="nothing", python_callable=lambda: None)
        unpushed = PythonOperator(task_id="unpushed", python_callable=lambda: "kept to itself", do_xcom_push=False)
        [pushed, nothing, unpushed] >> PythonOperator(task_id="pull", python_callable=pull)

        @task
        def extract():
            return {"rows": [3, 4], "when": datetime(2024, 1, 2)}

        @task
        def add(rows, more=0, ti=None):
            return [sum(rows) + more, ti.task_id]

        @task(multiple_outputs=True)
        def split(found):
            return {"left": found["rows"][0], "right": found["rows"][1]}

        found = extract()
        parts = split(found)
        add([parts["left"], 4], more=1)
        add.override(task_id="asks_for_too_much", retries=0)(found["rows"])
        add([parts["left"], parts["right"], 5])

    with TaskGroup("templates"):
        Greeting(
            task_id="simple",
            words="{{ ds }} {{ ds_nodash }} {{ run_id }} {{ dag.dag_id }} {{ task.task_id }} {{ ti.try_number }}",
        )
        Greeting(
            task_id="deep",
            words="{{ shout(params.name) }}",
            deep=[{"size": "{{ params.size + 1 }}"}, ("{{ dag_run.conf.env }}", "{{ macros.ds_add(ds, 5) }}")],
            script="report.sql",
        )
        pulls = Greeting(task_id="pulls", words="{{ ti.xcom_pull('xcom.push')[1] }}", deep=found)
        pushed >> pulls
        PythonOperator(
            task_id="op_kwargs", python_callable=lambda date, name: [date, name], op_kwargs={"date": "{{ ds }}"}
        ).op_kwargs["name"] = "{{ params.name }}"
        Greeting(task_id="undefined", words="{{ no_such_name.field }}", retries=0)
        Greeting(task_id="unclosed", words="{{ ds ", retries=0)

    with TaskGroup("bash"):
        BashOperator(task_id="last_line", bash_command="echo first; echo {{ ds }}")
        BashOperator(task_id="env", bash_command='echo "$HOME_OF [$USER_OF] $PATH"', env={"HOME_OF": "{{ ds }}"})
        BashOperator(task_id="append", bash_command='echo "$EXTRA $TOLD"', env={"EXTRA": "x"}, append_env=True)
        BashOperator(task_id="cwd", bash_command="pwd", cwd=str(Path(__file__).parent))
        BashOperator(task_id="script", bash_command="greet.sh")
        BashOperator(task_id="script_with_arguments", bash_command=f"{Path(__file__).with_name('add.sh')} 2 3")
        BashOperator(task_id="skips", bash_command="echo enough; exit 99")
        BashOperator(task_id="fails", bash_command="echo wrong >&2; exit 3", retries=0)
        BashOperator(task_id="silent", bash_command="echo kept", do_xcom_push=False)

    with TaskGroup("order") as order:
        first = EmptyOperator(task_id="first")
        with TaskGroup("inner") as inner:
            a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
            a >> Label("then") >> b
        with TaskGroup("unprefixed", prefix_group_id=False):
            c = EmptyOperator(task_id="c_of_order")
        last = EmptyOperator(task_id="last")
        first >> inner >> last
        last << c
        chain(first, [EmptyOperator(task_id="x1"), EmptyOperator(task_id="x2")], EmptyOperator(task_id="x3"))
        cross_downstream([a, b], [EmptyOperator(task_id="y1"), EmptyOperator(task_id="y2")])

    @task_group
    def decorated():
        @task
        def one():
            return 1

        @task
        def two(number):
            return number + 1

        two(one())

    order >> decorated()

    with TaskGroup("endings"):
        retried = {"python_callable": fail_until, "retries": 3}
        PythonOperator(task_id="third_time", op_args=[3], **retried)
        PythonOperator(task_id="never", op_args=[99], **{**retried, "retries": 2})
        PythonOperator(task_id="once", python_callable=fail_until, op_args=[2])

        @task(retries=5)
        def gives_up():
            raise TaskFailure("no use in trying again")

        @task
        def skips():
            raise TaskSkipped("nothing to do")

        @task(retries=0, execution_timeout=timedelta(seconds=2))
        def takes_too_long():
            signal.pause()

        @task(retries=0)
        def holds_out():
            try:
                signal.pause()
            except Exception:
                return "swallowed"

        gives_up() >> EmptyOperator(task_id="after_failure")
        skips() >> EmptyOperator(task_id="after_skip")
        takes_too_long()
        holds_out.override(execution_timeout=0.3)()
        PythonOperator(task_id="speaks", python_callable=speak)

        @task
        def context_of_now():
            context = get_current_context()
            return [context["logical_date"].isoformat(), context["ti"].task_id, os.getpid()]

        @task
        async def asynchronous(ds=None):
            return ds

        context_of_now()
        asynchronous()
