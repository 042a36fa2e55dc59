"""What is known of tasks."""
