"""Weights of one's own."""

from bide.authoring.priority import PriorityWeightStrategy as PriorityWeightStrategy
