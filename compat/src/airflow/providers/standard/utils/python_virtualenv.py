"""Running functions with other interpreters."""

from bide.standard.python_script import prepare_virtualenv as prepare_virtualenv
from bide.standard.python_script import write_python_script as write_python_script
