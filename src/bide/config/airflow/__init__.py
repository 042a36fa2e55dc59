"""Settings of Airflow's, as Bide's."""
