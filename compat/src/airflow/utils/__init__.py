"""What DAG files import from ``airflow.utils``."""
