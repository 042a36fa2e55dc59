"""All DAGs of a folder, for tests of their integrity."""

from bide.testing.dag_bag import DagBag as DagBag
from bide.testing.dag_bag import FileLoadStat as FileLoadStat

__all__ = ("DagBag", "FileLoadStat")
