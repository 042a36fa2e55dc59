"""Runs of other DAGs."""

from bide.standard.operators.trigger_dagrun import TriggerDagRunOperator as TriggerDagRunOperator
