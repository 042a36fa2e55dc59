"""Going on in the latest run only."""

from bide.standard.operators.latest_only import LatestOnlyOperator as LatestOnlyOperator
