"""Stand-ins for arguments, and types of runs."""

from bide.authoring.not_given import NOTSET as NOTSET
from bide.authoring.not_given import ArgNotSet as ArgNotSet
from bide.model.run_types import RunType as DagRunType

__all__ = (
    "NOTSET",
    "ArgNotSet",
    "DagRunType",
)
