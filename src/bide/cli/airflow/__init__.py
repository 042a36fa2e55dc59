"""The command ``airflow``: command lines of Airflow's, carried out by Bide's commands."""
