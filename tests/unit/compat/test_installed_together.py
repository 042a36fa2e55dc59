"""Provider packages in the folder into which bide-airflow was installed, as pip does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import airflow

CODE = """
import airflow
from airflow.providers.shop.lazy import Cart
import airflow.providers.http.operators.http as lazy
assert airflow.__file__.startswith({site!r}), airflow.__file__
assert Cart == "made of Cart"
assert lazy.Other == "made of Other"
try:
    from airflow.providers.shop.lazy import nothing
except ImportError as error:
    assert "cannot import name 'nothing'" in str(error), error
else:
    raise AssertionError("there is nothing of that name")
"""
LAZY = """
def __getattr__(name):
    if name[0].islower():
        raise AttributeError(name)
    return f"made of {name}"
"""


def test_modules_of_provider_packages_keep_what_they_do_when_a_name_is_asked_for(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(Path(airflow.__file__).parent, site / "airflow")
    # The second has names that were dropped, which Bide has.
    for package, module in (("shop", "lazy"), ("http", "operators/http")):
        path = site / "airflow" / "providers" / package / f"{module}.py"
        path.parent.mkdir(parents=True)
        path.write_text(LAZY)
    for folder in ("shop", "http", "http/operators"):
        (site / "airflow" / "providers" / folder / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(site=str(site))],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert done.returncode == 0, done.stderr
