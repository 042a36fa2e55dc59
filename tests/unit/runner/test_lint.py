"""What people should know of DAG files that can be imported."""

from __future__ import annotations

from pathlib import Path

from bide.wire.messages import FileParsed
from bide.wire.parser_messages import Finding, ParseFile
from tests.unit.runner.harness import Project, TemplateProcess


def lint(shared: TemplateProcess, project: Project, file: Path, slow: float | None = 0.2) -> FileParsed:
    runner = shared.fork("parse")
    runner.send(ParseFile(path=str(file), folder=str(project.dags), slow=slow))
    parsed = runner.receive()
    assert isinstance(parsed, FileParsed)
    return parsed


def rules(parsed: FileParsed) -> list[tuple[str, int | None]]:
    return [(one.rule, one.line) for one in parsed.findings]


def line_with(file: Path, text: str) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)


FINE = """
    with DAG("d", start_date=datetime(2026, 1, 1)):
        @task
        def one(): time.sleep(5)
        @task
        def two(x): ...
        two(one())
"""


def test_a_file_without_fault(shared: TemplateProcess, project: Project) -> None:
    assert lint(shared, project, project.dag(FINE)).findings == ()


def test_a_dag_of_tasks_side_by_side_is_meant_so(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            for name in "abc":
                PythonOperator(task_id=name, python_callable=print)
        """
    )
    assert lint(shared, project, file).findings == ()


def test_nothing_is_looked_for_unless_it_is_asked(shared: TemplateProcess, project: Project) -> None:
    assert lint(shared, project, project.dag("DAG('empty')"), slow=None).findings == ()


def test_slow_lines_at_the_top_level_are_named(shared: TemplateProcess, project: Project) -> None:
    project.write("slow_module.py", "import time\ntime.sleep(0.3)\n")
    file = project.dag(
        """
        def often():
            time.sleep(0.1)

        import slow_module
        for _ in range(3):
            often()
        time.sleep(0.01)
        """
    )
    found = lint(shared, project, file).findings
    assert [(one.rule, one.line) for one in found] == [
        ("slow-import", line_with(file, "import slow_module")),
        ("slow-import", line_with(file, "    often()")),
    ]
    assert "takes 0.3" in found[0].message


def test_names_with_a_successor_are_named(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        import warnings
        from airflow.operators.dummy import DummyOperator

        def odd():
            warnings.warn("looks odd", stacklevel=2)

        for _ in range(2):
            odd()
        """
    )
    found = lint(shared, project, file).findings
    assert [(one.rule, one.line) for one in found] == [
        ("deprecated", line_with(file, "import DummyOperator")),
        ("python-warning", line_with(file, "    odd()")),
    ]
    assert found[0].message.endswith("use airflow.providers.standard.operators.empty.EmptyOperator")
    assert found[1].message == "looks odd"
    assert lint(shared, project, file, slow=None).findings == ()


def test_lookups_at_the_import_are_named(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        from bide.runner import lint
        # A stand-in for what looks something up: code of that file, with that name.
        lookup = {}
        for path, (_, names) in lint._LOOKUPS.items():
            exec(compile(f"def {sorted(names)[0]}(): ...\\nfound = {sorted(names)[0]}", path, "exec"), lookup)
            lookup[path] = lookup["found"]

        def helper():
            for one in [one for path, one in lookup.items() if path.endswith("variable.py")]:
                one()

        helper()
        [one() for path, one in lookup.items() if path.endswith("connection.py")]

        with DAG("d"):
            @task
            def t(): helper()
            t()
        """
    )
    found = [one for one in lint(shared, project, file).findings if "at-import" in one.rule]
    assert [one.rule for one in found] == ["variable-at-import", "connection-at-import"]
    assert found[0].line == line_with(file, "        one()")
    assert "{{ var.value.name }}" in found[0].message


def test_what_never_runs_or_runs_alone(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        lost = PythonOperator(task_id="lost", python_callable=print)

        @task
        def loose(): ...
        result = loose()

        with DAG("d"):
            a = PythonOperator(task_id="a", python_callable=print)
            b = PythonOperator(task_id="b", python_callable=print)
            a >> b
            c = PythonOperator(task_id="c", python_callable=print)

        DAG("empty")
        """
    )
    assert lint(shared, project, file).findings == (
        Finding(
            "task-without-dag",
            "task 'lost' belongs to no DAG and never runs: make it inside `with DAG(...)`",
            line_with(file, "lost ="),
            None,
            "lost",
        ),
        Finding(
            "task-without-dag",
            "task 'loose' belongs to no DAG and never runs: make it inside `with DAG(...)`",
            line_with(file, "result ="),
            None,
            "loose",
        ),
        Finding(
            "unconnected-task",
            "task 'c' of DAG 'd' is connected with no other, and runs at once",
            line_with(file, "    c ="),
            "d",
            "c",
        ),
        Finding("empty-dag", "DAG 'empty' has no tasks", line_with(file, 'DAG("empty")'), "empty"),
    )


def test_what_was_meant_to_be_a_dag(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        from bide.authoring.dag_decorator import dag
        PythonOperator(task_id="lost", python_callable=print)

        @dag
        def never(): ...

        @dag
        def used():
            PythonOperator(task_id="a", python_callable=print)

        used()
        """
    )
    assert rules(lint(shared, project, file)) == [
        ("task-without-dag", line_with(file, "lost")),
        ("uncalled-dag", line_with(file, "def never") - 1),
    ]


def test_defaults_that_no_task_takes(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d", default_args={"owner": "ada", "op_kwargs": {}, "retires": 3}):
            PythonOperator.partial(task_id="a", python_callable=print).expand(op_args=[[1]])
        """
    )
    (found,) = lint(shared, project, file).findings
    assert (found.rule, found.line) == ("unknown-default", line_with(file, "with DAG"))
    assert found.message.endswith("'retires', which none of its tasks takes; did you mean 'retries'?")


def test_templates_that_can_not_be_filled_in(shared: TemplateProcess, project: Project) -> None:
    project.write("fine.sh", "echo {{ ds }} {{ macros.ds_add(ds, 1) }}")
    project.write("wrong.sh", "echo {% if %}")
    file = project.dag(
        """
        from bide.standard.operators.bash import BashOperator
        with DAG("d", user_defined_macros={"ours": 1}):
            BashOperator(task_id="a", bash_command="{% for x in params.l %}{{ x }} {{ ours }}{% endfor %}")
            BashOperator(task_id="v", bash_command="echo {{ var.value.v }}")
            BashOperator(task_id="b", bash_command="fine.sh")
            BashOperator(task_id="c", bash_command="missing.sh ")
            BashOperator(task_id="d", bash_command="missing.sh")
            BashOperator(task_id="e", bash_command="wrong.sh")
            BashOperator(task_id="f", bash_command="true", env={"DAY": "{{ dss }}"})
            PythonOperator(task_id="g", python_callable=print, op_kwargs={"x": [("{{ ds",)]})
        """
    )
    found = lint(shared, project, file).findings
    assert [(one.rule, one.task_id) for one in found] == [
        ("template-file", "d"), ("template-syntax", "e"), ("template-name", "f"), ("template-syntax", "g")
    ]  # fmt: skip
    assert "there is no file 'missing.sh' in " in found[0].message
    assert found[2].message == (
        "task 'f' of DAG 'd', env: '{{ dss }}' names what the context does not have: 'dss'; did you mean 'ds'?"
    )


def test_older_names_in_templates(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        from bide import BashOperator
        with DAG("d"):
            BashOperator(task_id="a", bash_command="load {{ execution_date }} {{ next_ds }} {{ ds }}")
        """
    )
    (found,) = lint(shared, project, file).findings
    assert (found.rule, found.task_id) == ("deprecated", "a")
    assert found.message == (
        "task 'a' of DAG 'd', bash_command: 'load {{ execution_date }} {{ next_ds }} {{ ds }}' has older names: "
        "write logical_date for execution_date; write data_interval_end | ds for next_ds"
    )


def test_a_start_date_of_now(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(FINE.replace("datetime(2026, 1, 1)", "datetime.now().astimezone()"))
    assert rules(lint(shared, project, file)) == [("moving-start-date", line_with(file, "with DAG"))]


def test_errors_of_a_dag_have_its_line(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("d"):
            a = PythonOperator(task_id="a", python_callable=print)
            a >> PythonOperator(task_id="b", python_callable=print) >> a
        """
    )
    (error,) = lint(shared, project, file).errors
    assert error.message.startswith("CycleError: DAG 'd'")
    assert error.line == line_with(file, "with DAG")


LOOPS = """
    from time import sleep as rest

    class Polls(BaseOperator):
        def execute(self, context):
            while self.is_running():
                time.sleep(60)

        def is_running(self):
            for _ in range(3):  # within a method that execute() calls
                rest(1)

    with DAG("d"):
        @task
        def looks():
            while True:  # in a function
                print("looking")
                rest(5)

        @task
        def pauses():
            time.sleep(5)
            for one in "ab":
                print(one)

        @task
        def each(x):
            while x:  # of a mapped function
                rest(x)

        Polls(task_id="polls") >> Polls(task_id="twice") >> looks() >> pauses() >> each.expand(x=[1, 2])
"""


def test_loops_that_sleep_are_named_with_what_to_write_instead(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(LOOPS)
    found = lint(shared, project, file).findings
    assert [(one.rule, one.line, one.task_id) for one in found] == [
        ("sleep-loop", line_with(file, "while self.is_running"), "polls"),
        ("sleep-loop", line_with(file, "# within a method"), "polls"),
        ("sleep-loop", line_with(file, "# in a function"), "looks"),
        ("sleep-loop", line_with(file, "# of a mapped"), "each"),
    ]
    assert found[0].message.startswith("Polls.execute() of task 'polls' sleeps in a loop and holds its worker")
    assert "JobOperator" in found[0].message
    assert "wait(timedelta(" in found[2].message


def test_a_loop_that_sleeps_in_another_module_is_named_where_its_task_is_made(
    shared: TemplateProcess, project: Project
) -> None:
    text = "import time\n\ndef look():\n    while True:\n        time.sleep(9)\n"
    project.write("polling.py", text)
    file = project.dag(
        """
        import polling
        with DAG("d"):
            PythonOperator(task_id="look", python_callable=polling.look)
        """
    )
    (found,) = lint(shared, project, file).findings
    assert (found.rule, found.line) == ("sleep-loop", line_with(file, "PythonOperator(task_id"))
    assert "polling.py:4" in found.message
