"""Settings."""

from bide.standard.configuration import conf as conf
from bide.standard.local_settings import AIRFLOW_HOME as AIRFLOW_HOME
from bide.standard.local_settings import get_airflow_home as get_airflow_home
