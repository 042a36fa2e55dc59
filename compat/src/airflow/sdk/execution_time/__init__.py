"""What a running task has."""
