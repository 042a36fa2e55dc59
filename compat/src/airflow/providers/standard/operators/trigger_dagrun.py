"""Runs of other DAGs."""

from bide.standard.operators.trigger_dagrun import XCOM_RUN_ID as XCOM_RUN_ID
from bide.standard.operators.trigger_dagrun import TriggerDagRunOperator as TriggerDagRunOperator
