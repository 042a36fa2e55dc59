"""Assets of functions."""

from bide.authoring.asset_decorator import asset as asset
