"""Assets, as they were called."""

from bide.authoring.assets import AssetAll as DatasetAll
from bide.authoring.assets import AssetAny as DatasetAny
from bide.authoring.assets import Dataset as Dataset
from bide.authoring.assets import DatasetAlias as DatasetAlias

__all__ = (
    "Dataset",
    "DatasetAlias",
    "DatasetAll",
    "DatasetAny",
)
