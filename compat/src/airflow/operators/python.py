"""Python functions."""

from bide.authoring.context import get_current_context as get_current_context
from bide.authoring.python import PythonOperator as PythonOperator
