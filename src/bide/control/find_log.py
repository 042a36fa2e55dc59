"""Which file has the log of a try."""

from __future__ import annotations

from pathlib import Path

from bide.model.log_path import LogLayout, log_path
from bide.observe.log_files import locate
from bide.store.views import InstanceView, RunView


def find_log(logs: LogLayout, run: RunView, instance: InstanceView, try_number: int) -> Path:
    """The log file of one try; it need not exist. Raises :class:`NotFound` if it would lie outside of `logs`."""
    relative = log_path(
        instance.dag_id,
        instance.task_id,
        logical_date=None if run.shares_date else run.logical_date,
        run_id=instance.run_id,
        map_index=instance.map_index,
        try_number=try_number,
        template=logs.template,
    )
    return locate(logs.root, relative)
