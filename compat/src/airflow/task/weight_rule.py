"""Names of weight rules."""

from bide.authoring.priority import WeightRule as WeightRule
