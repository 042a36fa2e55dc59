"""What a request is about."""

from bide.standard.access import AccessView as AccessView
from bide.standard.access import AssetAliasDetails as AssetAliasDetails
from bide.standard.access import AssetDetails as AssetDetails
