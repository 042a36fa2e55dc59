"""Bodies of requests and answers. Names and shapes follow Airflow 3's REST API v2 where it has the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bide.model.states import RunState, TaskState


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(from_attributes=True)


class Question(BaseModel):
    """Base of all bodies of requests: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(Answer):
    """Why a request was not answered."""

    detail: str


# --- monitor, login -----------------------------------------------------------------------------------------------


class Metadatabase(Answer):
    """The store."""

    status: Literal["healthy", "unhealthy"]


class SchedulerHealth(Answer):
    """The scheduler; a null status means that none runs here."""

    status: Literal["healthy", "unhealthy"] | None
    latest_scheduler_heartbeat: datetime | None


class TriggererHealth(Answer):
    """The triggerer."""

    status: Literal["healthy", "unhealthy"] | None
    latest_triggerer_heartbeat: datetime | None


class DagProcessorHealth(Answer):
    """The parser of DAG files."""

    status: Literal["healthy", "unhealthy"] | None
    latest_dag_processor_heartbeat: datetime | None


class Health(Answer):
    """How each part is."""

    metadatabase: Metadatabase
    scheduler: SchedulerHealth
    triggerer: TriggererHealth
    dag_processor: DagProcessorHealth


class Version(Answer):
    """The version of Bide."""

    version: str
    git_version: str | None = None


class Login(Question):
    """Credentials."""

    username: str
    password: str


class Token(Answer):
    """A token for ``Authorization: Bearer ...``."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    #: Seconds.
    expires_in: float


# --- DAGs ---------------------------------------------------------------------------------------------------------


class Tag(Answer):
    """A tag of a DAG."""

    name: str
    dag_id: str


class Dag(Answer):
    """One DAG."""

    dag_id: str
    dag_display_name: str
    is_paused: bool
    is_stale: bool = Field(description="Its file no longer makes it.")
    description: str | None
    fileloc: str
    tags: list[Tag]
    owners: list[str]
    timetable_summary: str | None
    timetable_error: str | None = Field(description="Why its timetable can't say when it runs next.")
    max_active_runs: int
    max_active_tasks: int
    next_dagrun_run_after: datetime | None
    last_parsed_time: datetime
    version_number: int


class EdgeLabel(Answer):
    """What is written on the line from one task to the next."""

    source_id: str
    target_id: str
    label: str


class DagDetails(Dag):
    """A DAG with what its file says of its runs."""

    catchup: bool
    dag_run_timeout: float | None = Field(description="Seconds.")
    fail_fast: bool
    max_consecutive_failed_dag_runs: int
    start_date: datetime | None
    end_date: datetime | None
    doc_md: str | None
    params: dict[str, Any] = Field(description="Default value, description and JSON schema by name.")
    edge_labels: list[EdgeLabel]


class Dags(Answer):
    """Some DAGs."""

    dags: list[Dag]
    total_entries: int


class DagPatch(Question):
    """What to change of a DAG."""

    is_paused: bool


# --- runs ---------------------------------------------------------------------------------------------------------


class DagRun(Answer):
    """One run."""

    dag_run_id: str
    dag_id: str
    run_type: str
    state: RunState
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    queued_at: datetime
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    conf: dict[str, Any]
    note: str | None
    triggered_by: str | None
    reason: str | None = Field(description="Why it ended, where that is not plain from its tasks.")


class DagRuns(Answer):
    """Some runs."""

    dag_runs: list[DagRun]
    total_entries: int


class TriggerDagRun(Question):
    """A run to make."""

    dag_run_id: str | None = Field(None, description="By default made of the kind of run and the moment.")
    logical_date: datetime | None = Field(None, description="By default now; without a zone it is UTC.")
    run_after: datetime | None = Field(None, description="It does not start before; by default now.")
    conf: dict[str, Any] | None = None
    note: str | None = None


class PatchDagRun(Question):
    """What to change of a run."""

    state: Literal["queued", "success", "failed"] | None = None
    note: str | None = Field(None, max_length=1000)


class ClearDagRun(Question):
    """How to let a run run again."""

    dry_run: bool = Field(True, description="Only answer what would be cleared.")
    only_failed: bool = False
    run_on_latest_version: bool = Field(False, description="Move the run to the newest version of the DAG.")


# --- task instances -----------------------------------------------------------------------------------------------


class Trigger(Answer):
    """What a deferred task waits for."""

    classpath: str
    kind: str
    subject: str
    created_date: datetime
    due_at: datetime | None
    timeout_at: datetime | None


class TaskInstance(Answer):
    """One task instance; a null state is that of one that was not scheduled yet."""

    id: str
    task_id: str
    task_display_name: str
    dag_id: str
    dag_run_id: str
    map_index: int
    rendered_map_index: str | None = Field(None, description="What the task's map_index_template came to.")
    logical_date: datetime | None
    state: TaskState | None
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    try_number: int
    max_tries: int
    operator: str | None
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    scheduled_when: datetime | None
    queued_when: datetime | None
    next_try_at: datetime | None = Field(description="When a retry or a sensor's next look is due.")
    error: str | None = Field(description="One line: why the last try failed.")
    note: str | None = None
    failed_callbacks: list[str] = Field([], description="One line for each callback or listener that failed.")
    held: str | None = Field(
        None,
        description="Why its next try can't start: work outside is to be cancelled, or its pool can't take it.",
    )
    trigger: Trigger | None = None


class TaskInstances(Answer):
    """Some task instances."""

    task_instances: list[TaskInstance]
    total_entries: int


class ClearTaskInstances(Question):
    """Which task instances to let run again."""

    dry_run: bool = Field(True, description="Only answer what would be cleared.")
    task_ids: list[str | tuple[str, int]] | None = Field(
        None, min_length=1, description="Tasks, or pairs of a task and a map index. By default all tasks."
    )
    dag_run_id: str | None = Field(None, description="By default all runs, or those of the span of dates.")
    start_date: datetime | None = Field(None, description="The first logical date; without a zone it is UTC.")
    end_date: datetime | None = Field(None, description="The last logical date; without a zone it is UTC.")
    only_failed: bool = True
    only_running: bool = False
    include_upstream: bool = False
    include_downstream: bool = False
    include_past: bool = False
    include_future: bool = False
    reset_dag_runs: bool = Field(True, description="Let runs that have ended go on.")
    run_on_latest_version: bool = Field(False, description="Move the runs to the newest version of the DAG.")

    @model_validator(mode="after")
    def check(self) -> ClearTaskInstances:
        """Refuse what contradicts itself."""
        if self.only_failed and self.only_running:
            raise ValueError("only_failed and only_running leave nothing together: set one of them to false")
        if self.dag_run_id is not None and (self.start_date is not None or self.end_date is not None):
            raise ValueError("give dag_run_id, or start_date and end_date")
        return self


class PatchTaskInstance(Question):
    """What a task instance is to be, or what is to be noted about it."""

    new_state: Literal["success", "failed", "skipped"] | None = None
    note: str | None = Field(None, max_length=1000, description="An empty text removes it.")
    include_upstream: bool = False
    include_downstream: bool = False
    include_past: bool = False
    include_future: bool = False


class LogText(Answer):
    """The lines of one try's log."""

    content: list[str]
    continuation_token: str | None = None


class XComEntry(Answer):
    """An XCom without its value."""

    key: str
    timestamp: datetime
    logical_date: datetime | None
    map_index: int
    task_id: str
    dag_id: str
    run_id: str


class ExtraLinks(Answer):
    """Pages of services that a task instance works with: URLs by what is shown, null where there is none yet."""

    extra_links: dict[str, str | None]
    total_entries: int


class XComEntries(Answer):
    """The XComs of a task instance."""

    xcom_entries: list[XComEntry]
    total_entries: int


class XComEntryWithValue(XComEntry):
    """An XCom; moments are ISO 8601, objects their fields, tables and large values a word about their size."""

    value: Any


# --- the rest -----------------------------------------------------------------------------------------------------


class ImportError_(Answer):
    """Why a DAG file, or one DAG of it, can't be used."""

    model_config = ConfigDict(title="ImportError")

    import_error_id: int
    timestamp: datetime
    filename: str
    dag_id: str | None
    line: int | None
    message: str
    stack_trace: str


class ImportErrors(Answer):
    """Some import errors."""

    import_errors: list[ImportError_]
    total_entries: int


class SignalTaken(Answer):
    """What became of a signal or of the call of a callback URL."""

    result: Literal["resumed", "stored", "repeated"] = Field(
        description="resumed: a wait took it; stored: it is kept for one that comes; "
        "repeated: this URL has had its call."
    )
