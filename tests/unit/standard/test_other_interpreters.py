"""Functions that are run by another interpreter, in real processes."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, EmptyOperator, task
from bide.model.errors import InvalidArgument
from bide.standard.operators.external_python import BranchExternalPythonOperator, ExternalPythonOperator
from bide.standard.operators.virtualenv import BranchPythonVirtualenvOperator, PythonVirtualenvOperator
from bide.testing import RunFailed, run_dag

HERE = "a global name of this file"


def result_of(dag: DAG, task_id: str, **options: Any) -> Any:
    return run_dag(dag, logical_date="2026-03-01T05:00:00+00:00", **options)[task_id].result


def test_a_function_runs_elsewhere_with_arguments_and_context() -> None:
    def report(x, y, ds, params, run_id, logical_date=None, *, z=0):
        import datetime
        import os

        assert isinstance(logical_date, datetime.datetime)
        print("hello from", run_id)
        return {
            "pid": os.getpid(),
            "sum": x + y + z,
            "ds": ds,
            "params": params,
            "hour": logical_date.hour,
            "strings": virtualenv_string_args,  # type: ignore[name-defined]  # noqa: F821
        }

    with DAG("d", params={"p": 1}) as dag:
        ExternalPythonOperator(
            task_id="t",
            python=sys.executable,
            python_callable=report,
            op_args=["{{ 1 }}", "2"],
            op_kwargs={"z": "3"},
            string_args=["s"],
        )
    run = run_dag(dag, logical_date="2026-03-01T05:00:00+00:00")["t"]
    assert run.result.pop("pid") != os.getpid()
    assert run.result == {"sum": "123", "ds": "2026-03-01", "params": {"p": 1}, "hour": 5, "strings": ["s"]}
    assert "hello from" in run.log


def test_decorated_functions_leave_their_decorators_behind() -> None:
    with DAG("d") as dag:

        @task
        def before() -> int:
            return 20

        @task.external_python(python=sys.executable, multiple_outputs=True)
        def double(x: NoSuchType, **context):  # type: ignore[name-defined]  # noqa: F821
            return {"twice": x * 2, "ds": context["ds"]}

        @task
        def after(x):
            return x + 2

        after(double(before())["twice"])
    assert result_of(dag, "after") == 42
    assert dag.get_task("double").operator_name == "@task.external_python"


def test_what_the_function_raises_fails_the_task() -> None:
    with DAG("d") as dag:

        @task.external_python(python=sys.executable)
        def boom():
            raise ValueError("no such luck")

        boom()
    with pytest.raises(RunFailed, match=r"boom\(\) raised ValueError: no such luck"):
        run_dag(dag)


def test_nothing_of_the_file_is_there() -> None:
    with DAG("d") as dag:

        @task.external_python(python=sys.executable)
        def reads():
            return HERE

        reads()
    with pytest.raises(RunFailed, match="NameError: name 'HERE' is not defined"):
        run_dag(dag)


def test_exit_codes() -> None:
    def leaves(code):
        import sys

        sys.exit(code)

    with DAG("d") as dag:
        options = {"python": sys.executable, "python_callable": leaves, "skip_on_exit_code": [5]}
        ExternalPythonOperator(task_id="skips", op_args=[5], **options)
        ExternalPythonOperator(task_id="fails", op_args=[6], **options)
    result = run_dag(dag, raise_on_failure=False)
    assert (result["skips"].state, result["fails"].state) == ("skipped", "failed")
    assert "the process ended with exit code 6" in result["fails"].error


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def look():
        import os

        return [os.environ.get("OUTER"), os.environ.get("GIVEN")]

    monkeypatch.setenv("OUTER", "1")
    with DAG("d") as dag:
        options = {"python": sys.executable, "python_callable": look, "env_vars": {"GIVEN": "2"}}
        ExternalPythonOperator(task_id="both", **options)
        ExternalPythonOperator(task_id="own", inherit_env=False, **options)
    result = run_dag(dag)
    assert (result["both"].result, result["own"].result) == (["1", "2"], [None, "2"])


def test_what_can_not_be_run_elsewhere_is_refused() -> None:
    with DAG("d"):
        with pytest.raises(InvalidArgument, match="a function made with def, not"):
            ExternalPythonOperator(task_id="a", python="python3", python_callable=lambda: 1)
        with pytest.raises(InvalidArgument, match="unknown serializer 'json'"):
            ExternalPythonOperator(task_id="b", python="python3", python_callable=_plain, serializer="json")

        async def later(): ...

        with pytest.raises(InvalidArgument, match="must be a plain function"):
            ExternalPythonOperator(task_id="c", python="python3", python_callable=later)
    with DAG("e") as dag:

        @task.external_python(python=sys.executable)
        def asks(ti): ...

        @task.external_python(python="/no/such/python")
        def nowhere(): ...

        asks()
        nowhere()
    result = run_dag(dag, raise_on_failure=False)
    assert "ti can't be taken into another interpreter; what can is ds," in result["asks"].error
    assert "there is no interpreter '/no/such/python'" in result["nowhere"].error


def _plain(): ...


def test_branches_are_chosen_elsewhere() -> None:
    with DAG("d") as dag:

        @task.branch_external_python(python=sys.executable)
        def pick():
            return "left"

        pick() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    assert run_dag(dag).states == {"pick": "success", "left": "success", "right": "skipped"}
    assert issubclass(BranchExternalPythonOperator, ExternalPythonOperator)


def wheel(folder: Path) -> Path:
    """A package of one module, as small as can be."""
    path = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinything.py", "VALUE = 42\n")
        info = "tinything-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"tinything.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def uses_it():
    import sys

    import tinything

    return [tinything.VALUE, sys.prefix]


def test_an_environment_is_made_with_its_requirements_and_removed(tmp_path: Path) -> None:
    with DAG("d") as dag:
        PythonVirtualenvOperator(
            task_id="t",
            python_callable=uses_it,
            requirements=[str(wheel(tmp_path))],
            pip_install_options=["--no-index"],
            system_site_packages=False,
        )
    value, prefix = result_of(dag, "t")
    assert value == 42 and prefix != sys.prefix and not Path(prefix).exists()


class Index(BaseHTTPRequestHandler):
    """A package index for those who log in."""

    folder: Path

    def do_GET(self) -> None:
        login = b64encode(b"reader:pa:ss/1").decode()
        if self.headers.get("authorization") != f"Basic {login}":
            return self.send_error(401)
        name = self.path.rpartition("/")[2]
        page = b'<a href="/simple/tinything-1.0-py3-none-any.whl">tinything-1.0-py3-none-any.whl</a>'
        body = (self.folder / name).read_bytes() if name else page
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if name else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return None

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_packages_come_from_the_index_of_a_connection(tmp_path: Path) -> None:
    wheel(tmp_path)
    handler = type("_Index", (Index,), {"folder": tmp_path})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            with DAG("d") as dag:
                options = {"requirements": ["tinything"], "pip_install_options": ["--no-cache"]}
                for conn_id in ("packages", "nowhere"):
                    task.virtualenv(task_id=conn_id, index_urls_from_connection_ids=conn_id, **options)(uses_it)()
            host = f"http://127.0.0.1:{server.server_port}/simple"
            fields = {"conn_type": "package_index", "host": host, "login": "reader", "password": "pa:ss/1"}
            connections = {"packages": fields, "nowhere": {"conn_type": "package_index", "host": "pypi"}}
            result = run_dag(dag, connections=connections, raise_on_failure=False)
        finally:
            server.shutdown()
            serving.join()
    assert result["packages"].result[0] == 42
    assert "its host must be the URL of a package index" in result["nowhere"].error


def test_environments_are_kept_and_used_again(tmp_path: Path) -> None:
    with DAG("d") as dag:
        options = {"requirements": f"# ours\n{wheel(tmp_path)}\n", "pip_install_options": ["--no-index"]}
        for name in ("first", "second"):
            task.virtualenv(task_id=name, venv_cache_path=tmp_path / "venvs", **options)(uses_it)()
        dag.get_task("first") >> dag.get_task("second")
    result = run_dag(dag)
    assert result["first"].result == result["second"].result
    assert Path(result["second"].result[1]).parent == tmp_path / "venvs"
    assert "making an environment" in result["first"].log
    assert "making an environment" not in result["second"].log


def test_what_can_not_be_installed_fails_the_task(tmp_path: Path) -> None:
    with DAG("d") as dag:
        PythonVirtualenvOperator(
            task_id="t",
            python_callable=_plain,
            requirements=[str(tmp_path / "missing-1.0-py3-none-any.whl")],
            pip_install_options=["--no-index"],
        )
        BranchPythonVirtualenvOperator(task_id="u", python_callable=_plain, python_version="3.99")
    result = run_dag(dag, raise_on_failure=False)
    assert "install" in result["t"].error and "exit code" in result["t"].error
    assert result["u"].state == "failed"


def test_an_unmodified_environment_needs_no_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without uv

    with DAG("d") as dag:

        @task.virtualenv
        def prefix():
            import sys

            return sys.prefix

        prefix()
    assert "bide-venv-" in result_of(dag, "prefix")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"system_site_packages": False, "serializer": "dill"}, ["dill"]),
        ({"system_site_packages": False, "serializer": "dill", "requirements": ["dill==0.4.0"]}, ["dill==0.4.0"]),
        ({"system_site_packages": False, "requirements": ["a[b]>1"]}, ["a[b]>1"]),
        ({"serializer": "dill", "requirements": "a\n"}, ["a"]),
    ],
)
def test_what_packs_arguments_is_installed_where_packages_of_here_are_not(options: Any, wanted: list[str]) -> None:
    def function() -> None:
        pass

    operator = PythonVirtualenvOperator(task_id="t", python_callable=function, **options)
    assert operator._wanted() == wanted
