"""From the DAG that a file makes to what the engine knows of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

from bide.authoring.asset_schedules import assets_of
from bide.authoring.assets import BaseAsset, mentions_of
from bide.authoring.async_operator import runs_async
from bide.authoring.callbacks import RUN_EVENTS, events_called, task_events
from bide.authoring.dag import DAG
from bide.authoring.deadlines import alerts_of
from bide.authoring.links import links_of
from bide.authoring.mapping import MappedOperator
from bide.authoring.moments import as_seconds
from bide.authoring.operator import BaseOperator
from bide.authoring.operator_checks import ON_CANCEL_FAILURE, TIMEOUT_COUNTS, check_choice, check_operator, name_of
from bide.authoring.plugins import load_plugins
from bide.authoring.priority import total_weights
from bide.authoring.schedules import schedule_of
from bide.authoring.sensor import BaseSensorOperator
from bide.authoring.settings import find_flag, find_seconds, find_setting
from bide.authoring.setup_teardown import check_setups
from bide.authoring.start_checks import check_start
from bide.authoring.timetable import runs_at_once
from bide.authoring.xcom_arg import XComArg
from bide.model.assets import AssetSpec
from bide.model.dag_spec import DagSpec, GroupSpec, ParamSpec, TaskSpec
from bide.model.errors import AuthoringError, CycleError, InvalidArgument, InvalidSchedule, NotSerializable
from bide.model.param_schema import problem_of_schema, problem_of_values
from bide.model.values import encode

C = TypeVar("C", bound=str)

SLA_SINCE: Final = ("run_after", "logical_date")


def _all_sources(task: BaseOperator) -> list[XComArg]:
    over = task.expanded_over.references() if isinstance(task, MappedOperator) else ()
    return [*task.argument_sources(), *over]


def validate_dag(dag: DAG) -> None:
    """Raise an :class:`AuthoringError` naming DAG, task and value for the first thing in `dag` that can't be."""
    schedule_of(dag)
    most = runs_at_once(dag.schedule)
    if most is not None and dag.max_active_runs > most:
        raise InvalidSchedule(
            f"DAG {dag.dag_id!r}: its schedule allows max_active_runs={most}, not {dag.max_active_runs}"
        )
    if dag.start_date and dag.end_date and dag.end_date < dag.start_date:
        raise AuthoringError(
            f"DAG {dag.dag_id!r} ends ({dag.end_date.isoformat()}) before it starts ({dag.start_date.isoformat()})"
        )
    for task in dag.tasks:
        check_operator(task)
        if dag.fail_fast and task.trigger_rule != "all_success" and not task.is_teardown:
            raise AuthoringError(
                f"{name_of(task)} has trigger_rule {task.trigger_rule!r}: tasks of a DAG that is fail_fast "
                "must have 'all_success', since nothing runs after the first failure"
            )
        check_start(task)
        for source in _all_sources(task):
            if source.operator is not task and source.operator.task_id not in dag.task_dict:
                raise AuthoringError(
                    f"{name_of(task)} takes the result of {source.operator.task_id!r}, which is not in that DAG"
                )
    check_setups(dag.tasks)
    _check_params(dag)
    try:
        dag.topological_sort()
    except CycleError as error:
        raise CycleError(f"DAG {dag.dag_id!r}: {error}") from None


def serialize_dag(dag: DAG, *, file: str, folder: str) -> DagSpec:
    """What the engine stores of `dag`, made by `file` with `folder` on ``sys.path``.

    Validates first; raises :class:`AuthoringError`. Equal DAGs give equal specs.
    """
    validate_dag(dag)
    weights = total_weights(dag)
    return DagSpec(
        dag_id=dag.dag_id,
        file=str(Path(file).absolute()),
        folder=str(Path(folder).absolute()),
        tasks=tuple(_task_spec(task, weights[task.task_id]) for task in dag.tasks),
        groups=tuple(
            GroupSpec(
                group_id=cast("str", group.group_id),
                parent=group.parent_group.group_id if group.parent_group is not None else None,
                tooltip=group.tooltip,
                mapping=group.expanded_over.spec() if group.expanded_over is not None else None,
            )
            for group in dag.task_group.iter_groups()
        ),
        schedule=schedule_of(dag),
        description=dag.description or "",
        start_date=_iso(dag.start_date),
        end_date=_iso(dag.end_date),
        catchup=bool(dag.catchup),
        max_active_runs=dag.max_active_runs,
        max_active_tasks=dag.max_active_tasks,
        dagrun_timeout=as_seconds(dag.dagrun_timeout, name="dagrun_timeout", of=f"DAG {dag.dag_id!r}"),
        fail_fast=bool(dag.fail_fast),
        max_consecutive_failed_dag_runs=dag.max_consecutive_failed_dag_runs,
        allowed_run_types=dag.allowed_run_types,
        tags=tuple(sorted(dag.tags)),
        owner=dag.owner,
        doc=dag.doc_md,
        params=_plain_params(dag),
        param_specs=_param_specs(dag),
        paused_on_creation=dag.is_paused_upon_creation,
        callbacks=_called(dag),
        deadlines=tuple(alert.spec() for alert in alerts_of(dag)),
        sla_since=_sla_since(),
        listeners=tuple(load_plugins().hooks()),
        assets=_assets(dag),
        edge_labels=tuple((before, after, label) for (before, after), label in sorted(dag.edge_labels.items())),
    )


def _task_spec(task: BaseOperator, weight: int) -> TaskSpec:
    of = name_of(task)
    group_id = task.task_group.group_id if task.task_group is not None else None
    return TaskSpec(
        task_id=task.task_id,
        operator=task.operator_name,
        upstream=tuple(sorted(task.upstream_task_ids)),
        trigger_rule=task.trigger_rule,
        retries=task.retries,
        retry_delay=cast("float", as_seconds(task.retry_delay, name="retry_delay", of=of)),
        retry_backoff=_backoff(task.retry_exponential_backoff),
        max_retry_delay=as_seconds(task.max_retry_delay, name="max_retry_delay", of=of),
        execution_timeout=as_seconds(task.execution_timeout, name="execution_timeout", of=of),
        execution_timeout_counts=_chosen(task, "execution_timeout_counts", TIMEOUT_COUNTS, of),
        priority_weight=weight,
        queue=task.queue,
        pool=task.pool,
        pool_slots=task.pool_slots,
        depends_on_past=bool(task.depends_on_past),
        wait_for_downstream=bool(task.wait_for_downstream),
        ignore_first_depends_on_past=bool(task.ignore_first_depends_on_past),
        wait_for_past_before_skipping=bool(task.wait_for_past_depends_before_skipping),
        group_id=group_id,
        is_sensor=issubclass(task.operator_class, BaseSensorOperator),
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.is_teardown and task.on_failure_fail_dagrun,
        marker=task.external_marker(),
        is_async=runs_async(task),
        skips_downstream=bool(
            getattr(task.operator_class if task.is_mapped else task, "inherits_from_skipmixin", False)
        ),
        soft_fail=bool(task.soft_fail or getattr(task, "never_fail", False)),
        cancel_timeout=_cancel_timeout(task, of),
        on_cancel_failure=_chosen(task, "on_cancel_failure", ON_CANCEL_FAILURE, of),
        callbacks=task_events(task),
        handles_failed_waits=_handles_failed_waits(task),
        starts_from_trigger=bool(task.start_from_trigger),
        reads=_reads(task),
        sla=as_seconds(task.sla, name="sla", of=of) if find_flag("core", "check_slas", True) else None,
        links=tuple((link.name, link.xcom_key) for link in links_of(task)),
        template_fields=tuple(task.template_fields),
        doc=task.doc_md or task.doc,
        owner=task.owner,
        mapping=task.expanded_over.spec() if isinstance(task, MappedOperator) else None,
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        outlets=mentions_of(task.outlets),
        inlets=mentions_of(task.inlets),
    )


def _assets(dag: DAG) -> tuple[AssetSpec, ...]:
    """All that its schedule and its tasks name; of two descriptions of one, the later counts."""
    named = [
        assets_of(dag.schedule),
        *(one for task in dag.tasks for one in (*task.inlets, *task.outlets)),
    ]
    found = {
        (one.name, one.uri): one.spec() for of in named if isinstance(of, BaseAsset) for one in of.iter_assets()
    }
    return tuple(found[key] for key in sorted(found))


def _called(dag: DAG) -> tuple[str, ...]:
    """When a run of the DAG has something to call."""
    tells = bool(dag.sla_miss_callback) or any(task.sla is not None and task.email for task in dag.tasks)
    return (*events_called(dag, RUN_EVENTS), *(("sla_miss",) if tells else ()))


def _sla_since() -> Literal["run_after", "logical_date"]:
    found = find_setting("scheduler", "sla_since") or "run_after"
    check_choice(found, SLA_SINCE, "sla_since", "[scheduler]")
    return cast("Any", found)


def _cancel_timeout(task: BaseOperator, of: str) -> float:
    given = as_seconds(task.cancel_timeout, name="cancel_timeout", of=of)
    return find_seconds("operators", "cancel_timeout_sec", TaskSpec("").cancel_timeout) if given is None else given


def _chosen(task: BaseOperator, name: str, choices: Sequence[C], of: str) -> C:
    """What the task says, or the setting; the first of `choices` if neither says anything."""
    chosen = getattr(task, name) or find_setting("operators", name) or choices[0]
    check_choice(chosen, choices, name, of)
    return cast("C", chosen)


def _handles_failed_waits(task: BaseOperator) -> bool:
    plain = (BaseOperator.resume_execution, BaseSensorOperator.resume_execution)
    return task.retry_policy is not None or task.operator_class.resume_execution not in plain


def _reads(task: BaseOperator) -> tuple[tuple[str, str], ...]:
    """What is sent along when the task starts: not what mapped tasks leave, of which there may be much."""
    found: set[tuple[str, str]] = set()
    for source in task.argument_sources():
        of = source.operator
        spread = of.is_mapped or of.get_closest_mapped_task_group() is not None
        if not spread or of.is_in_step_with(task):
            found.add((of.task_id, source.key))
    return tuple(sorted(found))


def _backoff(value: bool | float) -> float:
    """The factor per try: 2 for True; 1, which keeps the delay, for False and 0."""
    if value is True:
        return 2.0
    return float(value) or 1.0


def _param_specs(dag: DAG) -> dict[str, ParamSpec]:
    """What is known of parameters beside their defaults."""
    found: dict[str, ParamSpec] = {}
    for name, param in dag.params.items_of().items():
        if param.schema or param.description or not param.has_value:
            schema = json.loads(json.dumps(param.schema, default=str))
            found[name] = ParamSpec(schema, param.description, required=not param.has_value)
    return found


def _check_params(dag: DAG) -> None:
    """Schemas have to be schemas; a DAG that runs by itself needs a good value for each parameter."""
    params = dag.params.items_of()
    for name, param in params.items():
        problem = problem_of_schema(param.schema) if param.schema else ""
        if problem:
            raise InvalidArgument(f"DAG {dag.dag_id!r}, param {name!r}: its schema is wrong: {problem}")
    schedule = schedule_of(dag)
    if schedule.kind != "none" or schedule.assets is not None:
        problem = problem_of_values(_param_specs(dag), dag.params.defaults(), {})
        if problem:
            raise InvalidArgument(
                f"DAG {dag.dag_id!r}, {problem}; a DAG with a schedule runs without anybody's conf"
            )


def _plain_params(dag: DAG) -> dict[str, Any]:
    plain = dag.params.defaults()
    for name, value in plain.items():
        if b'"__bide__"' in encode(value, what=f"DAG {dag.dag_id!r}, param {name!r}"):
            raise NotSerializable(
                f"DAG {dag.dag_id!r}, param {name!r}: {value!r} has no form in JSON, "
                "which defaults of params must have"
            )
    return plain


def _iso(value: dt.datetime | None) -> str | None:
    return None if value is None else value.astimezone(dt.UTC).isoformat()
