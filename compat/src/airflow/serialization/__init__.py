"""What stands for DAGs and tasks where they are read only."""
