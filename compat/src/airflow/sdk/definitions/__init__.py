"""What DAG files are made of."""
