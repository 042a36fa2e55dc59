"""Rules."""

from bide.authoring.trigger_rule import TriggerRule as TriggerRule
