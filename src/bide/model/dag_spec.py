"""The serialised DAG: what the engine knows of a DAG file.

Made by :mod:`bide.authoring.serialize` in a runner, stored as canonical JSON, read by duties, API and CLI. The
engine never sees an operator; values of users' own types do not occur here. Durations are seconds, moments are
ISO 8601 strings in UTC.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import structs

from bide.model.assets import AssetMention, AssetSpec
from bide.model.deadlines import DeadlineSpec as DeadlineSpec
from bide.model.map_spec import MapSpec
from bide.model.schedule_spec import ScheduleSpec as ScheduleSpec

#: Goes up when a reader of the new form can't read the old one.
SPEC_VERSION = 1


#: What a marker says of the date where it is that of its own run.
SAME_DATE = "{{ logical_date.isoformat() }}"


class MarkerSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task of another DAG that comes after the task which has this. Texts may be templates."""

    dag_id: str
    task_id: str
    logical_date: str = SAME_DATE
    recursion_depth: int = 10


class TaskSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One task of a DAG, without its code."""

    task_id: str
    #: Class name, for people.
    operator: str = ""
    upstream: tuple[str, ...] = ()
    trigger_rule: str = "all_success"
    retries: int = 0
    #: Seconds before the next try.
    retry_delay: float = 300.0
    #: Multiplier per try; 1.0 keeps the delay constant.
    retry_backoff: float = 1.0
    #: Seconds; the delay is never longer.
    max_retry_delay: float | None = None
    #: Seconds from the first start of a try to its forced end.
    execution_timeout: float | None = None
    #: What it counts: ``total`` with what the try waits while it is deferred, ``work`` without.
    execution_timeout_counts: Literal["total", "work"] = "total"
    priority_weight: int = 1
    queue: str = "default"
    pool: str = "default_pool"
    pool_slots: int = 1
    #: Waits until its instance in the run before has succeeded or was skipped.
    depends_on_past: bool = False
    #: The same of the direct successors that it has there.
    wait_for_downstream: bool = False
    #: Whether it may begin although the run before does not have it, if no earlier run has.
    ignore_first_depends_on_past: bool = True
    #: Waits for the past also where its trigger rule says that it is skipped.
    wait_for_past_before_skipping: bool = False
    group_id: str | None = None
    #: A sensor: a timeout of its deferral is never tried again.
    is_sensor: bool = False
    #: Its code is a coroutine: many of its kind can run in one process.
    is_async: bool = False
    #: A branch or short circuit: what it left out downstream is left out again when it is cleared.
    skips_downstream: bool = False
    is_setup: bool = False
    is_teardown: bool = False
    #: Of a teardown: whether its failure fails the run.
    on_failure_fail_dagrun: bool = False
    #: Clearing it with what is downstream clears this as well.
    marker: MarkerSpec | None = None
    #: A failed wait or sensor ends as skipped, so that the engine can end it without a worker.
    soft_fail: bool = False
    #: At which endings it has callbacks: success, failure, retry, skipped.
    callbacks: tuple[str, ...] = ()
    #: Its ``resume_execution`` is its own: it is resumed with the error where a wait fails.
    handles_failed_waits: bool = False
    #: Begins with the wait of its ``start_trigger_args``, without a worker.
    starts_from_trigger: bool = False
    #: Seconds after its run should have begun by which it should have succeeded.
    sla: float | None = None
    #: (task_id, key) of XComs that the arguments name: sent along with the start.
    reads: tuple[tuple[str, str], ...] = ()
    #: Seconds for which the cancel of external work is tried, when a deferred try is ended by force.
    cancel_timeout: float = 600.0
    #: After that the next try is held until somebody releases it, or starts all the same.
    on_cancel_failure: Literal["hold", "start"] = "hold"
    #: Links to pages of services: what is shown, and the key of the XCom that has the URL.
    links: tuple[tuple[str, str], ...] = ()
    #: Fields that templates may fill, for people.
    template_fields: tuple[str, ...] = ()
    doc: str | None = None
    owner: str = ""
    #: What it is expanded over, if it is mapped by itself.
    mapping: MapSpec | None = None
    #: How many of its instances may be queued or running at once: of all runs, and of one run.
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    #: Assets that its success makes an event of, and assets that it reads.
    outlets: tuple[AssetMention, ...] = ()
    inlets: tuple[AssetMention, ...] = ()


class GroupSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task group; its members name it by `group_id`."""

    group_id: str
    parent: str | None = None
    tooltip: str = ""
    #: What it is expanded over, if it is mapped: each of its tasks has an instance per element.
    mapping: MapSpec | None = None


class ParamSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one parameter beside its default."""

    #: JSON schema; empty if any value will do.
    schema: dict[str, Any] = {}
    description: str | None = None
    #: Whether each run has to give a value, since there is none.
    required: bool = False


class DagSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One DAG."""

    dag_id: str
    #: Absolute path of the file that makes it.
    file: str
    #: Folder that is on ``sys.path`` while the file is imported.
    folder: str
    tasks: tuple[TaskSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    schedule: ScheduleSpec = ScheduleSpec()
    description: str = ""
    start_date: str | None = None
    end_date: str | None = None
    catchup: bool = False
    max_active_runs: int = 16
    max_active_tasks: int = 16
    #: Seconds from the start of a run to its forced end.
    dagrun_timeout: float | None = None
    #: The first task that fails ends the run.
    fail_fast: bool = False
    #: The DAG is paused when so many of its newest runs have failed; 0 for never.
    max_consecutive_failed_dag_runs: int = 0
    #: Kinds of runs that it may have; empty for all.
    allowed_run_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owner: str = ""
    doc: str | None = None
    #: Default values of ``params``; JSON values only.
    params: dict[str, Any] = {}
    #: What is known of parameters beside their defaults, for those of which something is.
    param_specs: dict[str, ParamSpec] = {}
    paused_on_creation: bool | None = None
    #: When a run of it has something to call: success, failure, sla_miss.
    callbacks: tuple[str, ...] = ()
    #: By when each run should have succeeded.
    deadlines: tuple[DeadlineSpec, ...] = ()
    #: What ``sla=`` of its tasks is counted from.
    sla_since: Literal["run_after", "logical_date"] = "run_after"
    #: Hooks that listeners of plugins implement, where its file is parsed.
    listeners: tuple[str, ...] = ()
    #: (task before, task after, text) of edges that have one, for people.
    edge_labels: tuple[tuple[str, str, str], ...] = ()
    #: Assets that its schedule or its tasks name.
    assets: tuple[AssetSpec, ...] = ()
    version: int = SPEC_VERSION


def encode_spec(spec: DagSpec) -> bytes:
    """The canonical JSON of `spec`: equal DAGs have equal bytes."""
    return msgspec.json.encode(_plain(spec), order="deterministic")


def _plain(value: object) -> object:
    """`value` without what is at its default; ``omit_defaults`` leaves out only what *is* the default object."""
    if isinstance(value, msgspec.Struct):
        of = type(value)
        if of not in _DEFAULTS:
            _DEFAULTS[of] = {field.encode_name: (field.name, _default(field)) for field in structs.fields(of)}
        found = ((key, getattr(value, name), default) for key, (name, default) in _DEFAULTS[of].items())
        return {key: _plain(one) for key, one, default in found if one != default}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in cast("dict[str, object]", value).items()}
    return value


def _default(field: structs.FieldInfo) -> object:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


#: Of each struct, by the key in JSON: the field's name and its default.
_DEFAULTS: Final[dict[type[msgspec.Struct], dict[str, tuple[str, object]]]] = {}


def decode_spec(data: bytes) -> DagSpec:
    """Read what :func:`encode_spec` wrote."""
    return msgspec.json.decode(data, type=DagSpec)


def spec_hash(spec: DagSpec) -> str:
    """A short name (32 hex digits) of one version of a DAG.

    What differs from one import of the same code to the next has no part in it: the order in which a loop over a
    set makes tasks and groups, and the addresses of objects in texts.
    """
    same = structs.replace(
        spec,
        tasks=tuple(sorted(spec.tasks, key=lambda task: task.task_id)),
        groups=tuple(sorted(spec.groups, key=lambda group: group.group_id)),
    )
    return hashlib.sha256(_ADDRESS.sub(b" at 0x", encode_spec(same))).hexdigest()[:32]


def differ_in_dates_only(one: DagSpec, other: DagSpec) -> bool:
    """Whether nothing but the dates between which they run sets them apart, such as a ``start_date`` of today."""
    return spec_hash(structs.replace(one, start_date=None, end_date=None)) == spec_hash(
        structs.replace(other, start_date=None, end_date=None)
    )


#: As in ``<function f at 0x7f21b5c8a340>``.
_ADDRESS: Final = re.compile(rb" at 0x[0-9a-fA-F]{4,16}\b")
