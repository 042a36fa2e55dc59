"""Scripts that run a function elsewhere, such as in a container, as operators of provider packages ask for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bide.model.errors import InvalidArgument

#: Runs in the other interpreter, which need not have Bide: standard library only, Python 3.8 and newer. Its
#: arguments: the file with what the function is called with, the one for its result, the one with further texts,
#: and, if it is given, the one for the text of an exception.
_SCRIPT: Final = """\
from __future__ import annotations

import sys as _bide_sys
import {serializer}

_bide_given = {{"args": [], "kwargs": {{}}}}
if {has_arguments}:
    with open(_bide_sys.argv[1], "rb") as _bide_file:
        _bide_given = {serializer}.load(_bide_file)
if {has_texts}:
    with open(_bide_sys.argv[3]) as _bide_file:
        virtualenv_string_args = [line.strip() for line in _bide_file]

{source}

try:
    _bide_result = {name}(*_bide_given["args"], **_bide_given["kwargs"])
except Exception as _bide_error:
    if len(_bide_sys.argv) > 4:
        with open(_bide_sys.argv[4], "w") as _bide_file:
            _bide_file.write(str(_bide_error))
    raise
with open(_bide_sys.argv[2], "wb") as _bide_file:
    {serializer}.dump(_bide_result, _bide_file)
"""


def write_python_script(
    jinja_context: Mapping[str, Any], filename: str | os.PathLike[str], render_template_as_native_obj: bool = False
) -> None:
    """Write a script that calls a function.

    `jinja_context` has the function's name (``python_callable``), its source (``python_callable_source``), the
    module that reads the arguments and writes the result (``pickling_library``), and its ``op_args`` and
    ``op_kwargs``, of which only matters whether there are any. The script takes the paths of four files: arguments,
    result, one with texts (``string_args_global``), and one for the text of an exception.
    """
    lacking = {"python_callable", "python_callable_source", "pickling_library"} - jinja_context.keys()
    if lacking:
        raise InvalidArgument(f"a script can't be written without {', '.join(sorted(lacking))}")
    text = _SCRIPT.format(
        serializer=jinja_context["pickling_library"],
        has_arguments=bool(jinja_context.get("op_args") or jinja_context.get("op_kwargs")),
        has_texts=bool(jinja_context.get("string_args_global")),
        source=jinja_context["python_callable_source"],
        name=jinja_context["python_callable"],
    )
    Path(filename).write_text(text, encoding="utf-8")


def prepare_virtualenv(
    venv_directory: str,
    python_bin: str,
    system_site_packages: bool,
    requirements: Sequence[str] | None = None,
    requirements_file_path: str | None = None,
    pip_install_options: Sequence[str] | None = None,
    index_urls: Sequence[str] | None = None,
) -> str:
    """Make a virtual environment with packages; the path of its interpreter.

    Raises :class:`subprocess.CalledProcessError` if making it or installing into it fails.
    """
    if requirements is not None and requirements_file_path is not None:
        raise InvalidArgument("give either requirements or requirements_file_path, not both")
    python = str(Path(venv_directory) / "bin" / "python")
    base = shutil.which(python_bin)
    if base is None:
        raise InvalidArgument(f"there is no interpreter {python_bin!r} on this machine")
    site = ["--system-site-packages"] if system_site_packages else []
    wanted = [*(requirements or ()), *(["-r", requirements_file_path] if requirements_file_path else [])]
    subprocess.run([base, "-m", "venv", *site, *([] if wanted else ["--without-pip"]), venv_directory], check=True)
    if wanted:
        indexes = [
            argument
            for place, url in enumerate(index_urls or ())
            for argument in ("--index-url" if place == 0 else "--extra-index-url", url)
        ]
        install = [python, "-m", "pip", "install", *indexes, *(pip_install_options or ())]
        subprocess.run([*install, *wanted], check=True)
    return python
