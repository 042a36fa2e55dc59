"""Links of task instances to pages of the services that they work with."""

from __future__ import annotations

from bide.control.shown_secrets import know_secrets, shown_xcom
from bide.model.dag_spec import TaskSpec
from bide.store import Tx, specs
from bide.store.views import RunView, list_xcoms


def shown_links(tx: Tx, run: RunView, task_id: str, map_index: int) -> dict[str, str | None]:
    """URLs by what is shown, in the order of the operator; None for a link that leads nowhere yet."""
    task = specs.structure_of(tx, run.version_uid).tasks.get(task_id, TaskSpec(task_id))
    if not task.links:
        return {}
    know_secrets(tx)
    left = {
        row.key: shown_xcom(row.value)
        for row in list_xcoms(tx, run.dag_id, run.run_id, task_id=task_id)
        if row.map_index == map_index
    }
    urls = {name: left.get(key) for name, key in task.links}
    return {name: url if isinstance(url, str) else None for name, url in urls.items()}
