"""The settings of retention."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bide.config.section import Section

_Days = Annotated[float, Meta(ge=0)]
_Number = Annotated[int, Meta(ge=0)]


class Retention(Section, frozen=True):
    """How long runs are kept, with their tasks, results and logs. Not set: for ever."""

    max_age_days: Annotated[
        _Days | None,
        Meta(description="Runs that ended so long ago are deleted. Not set: age is no reason."),
    ] = None
    max_runs: Annotated[
        _Number | None, Meta(description="Of each DAG the newest so many runs are kept. Not set: any number.")
    ] = None
    dags: Annotated[
        list[str],
        Meta(description="Other rules for single DAGs: DAG=DAYS, DAG=DAYS:RUNS, DAG=:RUNS or DAG=forever."),
    ] = []
    archive_folder: Annotated[
        str,
        Meta(
            description="Folder in which what is deleted is kept as gzipped JSON lines; a relative path counts "
            "from the state folder. Not set: nothing is kept."
        ),
    ] = ""
    interval_sec: Annotated[
        float, Meta(gt=0, description="From one look at what is to be deleted to the next.")
    ] = 3600.0
