"""How long history is kept: rules by age and by number, for all DAGs and for single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bide.model.errors import ConfigError

#: Says of a DAG that its runs are kept.
FOREVER: Final = "forever"


class Keep(NamedTuple):
    """What of a DAG's runs is kept; None: there is no such limit."""

    #: Days since the run has ended.
    days: float | None = None
    #: The newest so many runs.
    runs: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is deleted."""
        return self.days is None and self.runs is None

    def before(self, now: datetime) -> datetime | None:
        """Runs that ended before this moment are deleted."""
        return None if self.days is None else now - timedelta(days=self.days)


class Retention(NamedTuple):
    """What is kept of each DAG."""

    usual: Keep = Keep()
    by_dag: Mapping[str, Keep] = {}

    def of(self, dag_id: str) -> Keep:
        """What is kept of one DAG."""
        return self.by_dag.get(dag_id, self.usual)

    @property
    def is_all(self) -> bool:
        """Whether nothing is deleted of any DAG."""
        return self.usual.is_all and all(keep.is_all for keep in self.by_dag.values())


def read_rules(texts: Sequence[str]) -> dict[str, Keep]:
    """Rules such as ``noisy=7``, ``noisy=7:100``, ``noisy=:100`` or ``audit=forever``: days, and runs, by DAG.

    Raises :class:`ConfigError` for anything else.
    """
    return dict(_read_rule(text) for text in texts)


def _read_rule(text: str) -> tuple[str, Keep]:
    dag_id, found, limits = (part.strip() for part in text.partition("="))
    days, _, runs = (part.strip() for part in limits.partition(":"))
    try:
        if limits == FOREVER:
            keep = Keep()
        elif not found or not dag_id or not limits:
            raise ValueError
        else:
            keep = Keep(float(days) if days else None, int(runs) if runs else None)
        if keep.is_all != (limits == FOREVER) or (keep.days or 0) < 0 or (keep.runs or 0) < 0:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"[retention] dags: {text!r} is no rule: write DAG=DAYS, DAG=DAYS:RUNS, DAG=:RUNS or DAG={FOREVER}"
        ) from None
    return dag_id, keep
