"""dag.test(): Airflow's arguments, and what it shows."""

from __future__ import annotations

import datetime as dt
import io
import pdb
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, BaseHook, Variable, task
from bide.model.errors import InvalidArgument
from bide.testing import parse_file


def two_tasks() -> DAG:
    with DAG("two") as dag:

        @task
        def first() -> str:
            print("printed")
            return "real"

        @task
        def second(x: Any = None, dag_run: Any = None, ds: str = "") -> list[Any]:
            return [x, dag_run.conf, ds]

        second(first())
    return dag


def test_airflows_arguments_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    result = two_tasks().test(dt.datetime(2026, 1, 31, tzinfo=dt.UTC), {"k": 1})
    assert result["second"].result == ["real", {"k": 1}, "2026-01-31"]
    assert two_tasks().test(logical_date="2026-02-01")["second"].result[2] == "2026-02-01"
    assert two_tasks().test(run_after=dt.datetime(2026, 2, 3))["second"].result[2] == "2026-02-03"
    out = capsys.readouterr().out
    assert "\nprinted\n" in out
    assert "[second] " in out
    assert "DAG two, run manual__2026-01-31T00:00:00+00:00: success after" in out


def test_marked_tasks_do_not_run() -> None:
    result = two_tasks().test(mark_success_pattern="fir.*")
    assert result.states == {"first": "success", "second": "success"}
    assert "printed" not in result["first"].log
    assert result["second"].result == [None, {}, result.logical_date.strftime("%Y-%m-%d")]


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ({"use_executor": True}, "bide run"),
    ],
)
def test_what_can_not_be_had_is_refused_by_name(argument: dict[str, Any], advice: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{next(iter(argument))}=.*{advice}"):
        two_tasks().test(**argument)


def test_connections_and_variables_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"db": "postgres://u:pw@h/s", "api": {"conn_type": "http", "host": "a"}}')
    (tmp_path / "v.env").write_text("# of the test\nexport colour='red'\n")
    with DAG("looks_up") as dag:

        @task
        def looks() -> list[str | None]:
            hosts = [BaseHook.get_connection(name).host for name in ("db", "api")]
            return [*hosts, Variable.get("colour"), Variable.get("none", default="-")]

        looks()
    result = dag.test(conn_file_path=str(tmp_path / "c.json"), variable_file_path=str(tmp_path / "v.env"))
    assert result["looks"].result == ["h", "a", "red", "-"]


def failing() -> DAG:
    with DAG("failing") as dag:

        @task
        def bad() -> None:
            raise ValueError("as it should")

        bad()
    return dag


def test_a_failed_run_is_an_answer_unless_the_process_is_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing().test().state == "failed"
    assert "bad  failed: ValueError: as it should" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        failing().test(exit_on_failure=True)
    assert caught.value.code == 1


def test_a_task_can_be_debugged() -> None:
    """The debugger reads and writes where it would without Bide; leaving it ends the run."""
    said = io.StringIO()
    with DAG("debugged") as dag:

        @task
        def here() -> int:
            value = 41
            pdb.Pdb(stdin=io.StringIO("p value\nq\n"), stdout=said, nosigint=True).set_trace()
            return value + 1

        here()

    with pytest.raises(pdb.bdb.BdbQuit):
        dag.test()
    assert "(Pdb) 41\n" in said.getvalue()


def test_a_file_that_calls_it_while_it_is_imported_is_told(tmp_path: Path) -> None:
    file = tmp_path / "eager.py"
    file.write_text("from bide import DAG\n\nwith DAG('eager') as dag:\n    pass\ndag.test()\n")
    (error,) = parse_file(file).errors
    assert "stands below  if __name__" in error
