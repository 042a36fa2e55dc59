"""Assets."""

from bide.authoring.assets import Asset as Asset
from bide.authoring.assets import AssetAlias as AssetAlias
from bide.authoring.assets import AssetAll as AssetAll
from bide.authoring.assets import AssetAny as AssetAny
from bide.authoring.assets import AssetNameRef as AssetNameRef
from bide.authoring.assets import AssetRef as AssetRef
from bide.authoring.assets import AssetUriRef as AssetUriRef
from bide.authoring.assets import AssetWatcher as AssetWatcher
from bide.authoring.assets import BaseAsset as BaseAsset
from bide.authoring.assets import Dataset as Dataset
from bide.authoring.assets import Model as Model
