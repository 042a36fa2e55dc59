"""Waiting for runs of other DAGs, and for tasks of them."""

from bide.standard.triggers.external_task import DagStateTrigger as DagStateTrigger
from bide.standard.triggers.external_task import WorkflowTrigger as WorkflowTrigger
