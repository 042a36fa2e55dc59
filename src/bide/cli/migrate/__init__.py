"""``bide migrate``: from Airflow to Bide."""
