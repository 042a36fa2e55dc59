"""What runs come from."""

from __future__ import annotations

from enum import StrEnum


class RunType(StrEnum):
    """Why there is a run; run ids that nobody gave begin with it. The names are Airflow's."""

    #: Its DAG's schedule.
    SCHEDULED = "scheduled"
    #: A person, or a program that asked for it.
    MANUAL = "manual"
    #: A task of another run.
    OPERATOR_TRIGGERED = "operator_triggered"
    #: A backfill.
    BACKFILL_JOB = "backfill"
    #: An event of an asset.
    ASSET_TRIGGERED = "asset_triggered"
