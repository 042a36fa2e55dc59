"""Scripts that run a function elsewhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from bide.model.errors import InvalidArgument
from bide.standard.python_script import prepare_virtualenv, write_python_script

SOURCE = "def add(a, b=1):\n    if a < 0:\n        raise ValueError('too small')\n    return a + b\n"


def run_script(folder: Path, **given: object) -> subprocess.CompletedProcess[str]:
    context = {"python_callable": "add", "python_callable_source": SOURCE, "pickling_library": "pickle", **given}
    write_python_script(context, folder / "script.py")
    call = {"args": given.get("op_args", []), "kwargs": given.get("op_kwargs", {})}
    (folder / "in").write_bytes(pickle.dumps(call))
    names = ("script.py", "in", "out", "texts", "error")
    command = [sys.executable, *(str(folder / name) for name in names)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_result_comes_back(tmp_path: Path) -> None:
    done = run_script(tmp_path, op_args=[2], op_kwargs={"b": 3}, expect_airflow=True, string_args_global=False)
    assert done.returncode == 0, done.stderr
    assert pickle.loads((tmp_path / "out").read_bytes()) == 5


def test_so_does_an_exception(tmp_path: Path) -> None:
    assert run_script(tmp_path, op_args=[-1]).returncode == 1
    assert (tmp_path / "error").read_text() == "too small"


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="without pickling_library, python_callable_source"):
        write_python_script({"python_callable": "add"}, tmp_path / "script.py")


def test_an_environment_without_packages(tmp_path: Path) -> None:
    python = prepare_virtualenv(str(tmp_path / "venv"), sys.executable, system_site_packages=False)
    asked = [python, "-c", "import sys; print(sys.prefix)"]
    assert subprocess.check_output(asked, text=True).strip() == str(tmp_path / "venv")
    with pytest.raises(InvalidArgument, match=r"no interpreter 'python0\.1'"):
        prepare_virtualenv(str(tmp_path / "other"), "python0.1", system_site_packages=False)
