"""Schedules of assets."""

from bide.authoring.asset_schedules import AssetOrTimeSchedule as AssetOrTimeSchedule
