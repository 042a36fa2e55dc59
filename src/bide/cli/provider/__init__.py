"""``bide provider``: provider packages for Airflow."""
