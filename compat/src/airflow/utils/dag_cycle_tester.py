"""Circles of tasks."""

from bide.standard.dag_questions import check_cycle as check_cycle
