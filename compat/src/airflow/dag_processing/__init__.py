"""Reading DAG files."""
