"""What packages and DAG files read of settings outside of ``conf``."""

from bide.standard.configuration import conf as conf
from bide.standard.local_settings import AIRFLOW_HOME as AIRFLOW_HOME
from bide.standard.local_settings import DAGS_FOLDER as DAGS_FOLDER
from bide.standard.local_settings import PLUGINS_FOLDER as PLUGINS_FOLDER
from bide.standard.local_settings import TIMEZONE as TIMEZONE
from bide.standard.local_settings import pod_mutation_hook as pod_mutation_hook
from bide.standard.sessions import configure_orm as configure_orm
from bide.standard.tables import Session as Session
