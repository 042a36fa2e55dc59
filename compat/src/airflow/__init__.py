"""Airflow's names for what Bide has: every module below is a table of aliases.

``__version__`` is the Airflow release whose names these are, which is what provider packages ask for.
"""

from pkgutil import extend_path
from typing import TYPE_CHECKING

from airflow._conflicts import refuse_conflicts
from airflow._instead import INSTEAD, REPORT
from airflow._moved import MOVED
from airflow._moved_packages import NEEDS

refuse_conflicts()

from bide.authoring.dag import DAG as DAG  # noqa: E402
from bide.authoring.xcom_arg import XComArg as XComArg  # noqa: E402
from bide.standard.name_tables import NameTables, serve_names  # noqa: E402

if TYPE_CHECKING:
    from bide.authoring.assets import Asset as Asset


#: What few DAG files need, and takes long to import.
_LATER = {"Asset": "bide.authoring.assets.Asset"}

serve_names(NameTables(__name__, MOVED, INSTEAD, REPORT, NEEDS))
__path__ = extend_path(__path__, __name__)
__version__ = "3.3.2"
