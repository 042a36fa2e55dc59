from __future__ import annotations

from pathlib import Path

import pytest

from bide.wire.messages import FileParsed, ParseFile
from tests.unit.runner.harness import Project, TemplateProcess


def parse(shared: TemplateProcess, project: Project, file: Path) -> FileParsed:
    """What a parser of its own says of `file`."""
    runner = shared.fork("parse")
    runner.send(ParseFile(path=str(file), folder=str(project.dags)))
    parsed = runner.receive()
    assert isinstance(parsed, FileParsed)
    assert runner.exit().status == 0
    assert parsed.path == str(file)
    return parsed


def test_a_file_is_parsed_into_its_dags(shared: TemplateProcess, project: Project) -> None:
    project.write("helper.py", "NAMES = ['c', 'd']\n")
    project.write("table.csv", "1,2\n")
    file = project.dag(
        """
        import helper, pathlib
        TABLE = pathlib.Path(__file__).with_name("table.csv").read_text()

        with DAG("a", schedule="@daily", start_date=datetime(2026, 1, 1)) as a:
            @task(retries=2)
            def first(): return 1
            @task
            def second(x): return x
            second(first())

        def local():
            with DAG("b"):
                PythonOperator(task_id="t", python_callable=print)
        local()

        for name in helper.NAMES:
            globals()[name] = DAG(name)
        """
    )
    parsed = parse(shared, project, file)
    assert parsed.errors == ()
    assert [dag.dag_id for dag in parsed.dags] == ["a", "b", "c", "d"]
    first, second = parsed.dags[0].tasks
    assert (first.retries, second.upstream, second.reads) == (2, ("first",), (("first", "return_value"),))
    assert (parsed.dags[0].file, parsed.dags[0].folder) == (str(file), str(project.dags))
    assert sorted(Path(path).name for path in parsed.inputs) == ["example.py", "helper.py", "table.csv"]
    found = file.stat()
    assert parsed.inputs[str(file)] == (found.st_mtime_ns, found.st_size)
    assert 0 < parsed.duration < 20


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("x = 1\ndef broken(:\n", 2, "SyntaxError: invalid syntax"),
        ("x = 1\n\nif True:\nx = 2\n", 4, "IndentationError: expected an indented block"),
        ("x = (1,\n", 1, "SyntaxError: '(' was never closed"),
        ("import no_such_module_at_all\n", 1, "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("def f():\n    1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        (
            "import sys\nsys.exit('enough')\n",
            2,
            "SystemExit: the file calls sys.exit('enough') while it is imported",
        ),
        ("raise KeyError\n", 1, "KeyError"),
        ("import broken_helper\n", 1, "NameError: name 'undefined' is not defined"),
        ("\0", None, "ValueError: source code string cannot contain null bytes"),
    ],
)
def test_a_file_that_fails_is_an_error_with_its_line(
    shared: TemplateProcess, project: Project, text: str, line: int | None, error: str
) -> None:
    project.write("broken_helper.py", "undefined\n")
    file = project.write("example.py", text)
    parsed = parse(shared, project, file)
    (problem,) = parsed.errors
    assert problem.message.startswith(error) or line is None
    assert str(file) in problem.message
    assert (problem.line, problem.dag_id) == (line, None) or line is None
    assert parsed.dags == ()
    assert str(file) in parsed.inputs, "so that a repair is noticed"
    if "import broken_helper" in text:
        assert str(project.dags / "broken_helper.py") in parsed.inputs
        assert "broken_helper.py" in problem.traceback
    assert "bide/authoring/loading" not in problem.traceback


def test_one_dag_with_an_error_does_not_hide_the_others(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        with DAG("fine"):
            PythonOperator(task_id="t", python_callable=print)
        with DAG("cycle"):
            a = PythonOperator(task_id="a", python_callable=print)
            b = PythonOperator(task_id="b", python_callable=print)
            a >> b >> a
        with DAG("cron", schedule="61 * * * *"):
            PythonOperator(task_id="t", python_callable=print)
        with DAG("twice") as one: ...
        with DAG("twice") as two: ...
        """
    )
    parsed = parse(shared, project, file)
    assert [dag.dag_id for dag in parsed.dags] == ["fine"]
    errors = {problem.dag_id: problem for problem in parsed.errors}
    assert set(errors) == {"cycle", "cron", "twice"}
    assert "a -> b -> a" in errors["cycle"].message
    assert errors["cycle"].message.startswith("CycleError: ")
    assert "61 * * * *" in errors["cron"].message
    assert "makes 2 DAGs with the id 'twice'" in errors["twice"].message


def test_a_dag_belongs_to_the_file_that_makes_it(shared: TemplateProcess, project: Project) -> None:
    base = project.dag("with DAG('base') as base: ...", "base_file.py")
    project.dag("def make(name):\n    with DAG(name) as made: ...\n    return made", "factory.py")
    file = project.dag(
        """
        from base_file import base
        from factory import make
        made = make("made")
        with DAG("own") as own: ...
        """
    )
    assert [dag.dag_id for dag in parse(shared, project, file).dags] == ["made", "own"]
    assert [dag.dag_id for dag in parse(shared, project, base).dags] == ["base"]


def test_warnings_of_the_file_are_told(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        import warnings
        warnings.warn("this goes away", DeprecationWarning)
        with DAG("d"): ...
        """
    )
    parsed = parse(shared, project, file)
    (text,) = parsed.warnings
    assert text.startswith(f"DeprecationWarning: this goes away ({file}, line ")


def test_a_parser_that_is_killed_by_its_file_closes_the_channel(shared: TemplateProcess, project: Project) -> None:
    file = project.write("example.py", "import os\nos._exit(7)\n")
    runner = shared.fork("parse")
    runner.send(ParseFile(path=str(file), folder=str(project.dags)))
    assert runner.sock.recv(1) == b""
    assert runner.exit().status == 7


def test_what_the_file_asks_of_a_task_is_refused(shared: TemplateProcess, project: Project) -> None:
    file = project.dag(
        """
        from bide.authoring.runtime import current_runtime
        assert current_runtime().setting("core", "nothing") is None
        current_runtime().push_xcom("k", 1)
        """
    )
    (problem,) = parse(shared, project, file).errors
    assert "NoRuntime: XCom 'k' can't be pushed here" in problem.message


def test_a_folder_beside_dag_files_hides_no_module_of_its_name(shared: TemplateProcess, project: Project) -> None:
    project.write("colorsys.py", "")
    file = project.dag("from colorsys import rgb_to_hsv\nDAG(f'd{rgb_to_hsv(1, 0, 0)[1]}')")
    assert parse(shared, project, file).errors == ()


def test_a_name_that_is_no_identifier_is_fine(shared: TemplateProcess, project: Project) -> None:
    file = project.dag("with DAG('d'): ...", "2026-01 report (new).py")
    parsed = parse(shared, project, file)
    assert [dag.dag_id for dag in parsed.dags] == ["d"]


def test_a_file_that_is_gone_is_an_error(shared: TemplateProcess, project: Project) -> None:
    parsed = parse(shared, project, project.dags / "gone.py")
    assert "FileNotFoundError" in parsed.errors[0].message
