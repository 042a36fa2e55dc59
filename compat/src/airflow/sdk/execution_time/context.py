"""What a task knows of itself."""

from bide.standard.context_variables import context_to_airflow_vars as context_to_airflow_vars
