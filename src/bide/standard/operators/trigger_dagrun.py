"""Making runs of other DAGs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from bide.authoring.moments import as_moment, as_seconds, sleep
from bide.authoring.operator import BaseOperator
from bide.authoring.operator_checks import check_choice, name_of
from bide.authoring.other_runs import WatchTrigger
from bide.authoring.runtime import current_runtime
from bide.model.errors import InvalidArgument, TaskError, TaskSkipped
from bide.model.states import RunState
from bide.model.watching import Watch
from bide.standard.configuration import default_deferrable

if TYPE_CHECKING:
    from bide.authoring.context import Context

#: Key under which the id of the run is left.
XCOM_RUN_ID: Final = "trigger_run_id"


class TriggeredRunFailed(TaskError):
    """The run that a :class:`TriggerDagRunOperator` waits for has ended in one of its `failed_states`."""


class TriggerDagRunOperator(BaseOperator):
    """Makes a run of the DAG `trigger_dag_id`, with `conf` (a dict that JSON can hold) and `logical_date`.

    The run starts at once, or at `run_after`. `trigger_run_id` names it; otherwise it is named after the moment. If
    there is a run of that name or date, the task fails; `reset_dag_run` clears that run instead,
    `skip_when_already_exists` skips the task. `fail_when_dag_is_paused` fails if nobody would start the run.

    `wait_for_completion` waits until the run is in one of `allowed_states` (by default success), and fails if
    it is in one of `failed_states` (by default failed). It looks every `poke_interval`; with `deferrable` it holds
    no worker, and nothing looks: the engine lets the task go on when the run has ended. The XCom
    ``trigger_run_id`` has the id of the run.
    """

    template_fields = (
        "trigger_dag_id",
        "trigger_run_id",
        "logical_date",
        "run_after",
        "conf",
        "wait_for_completion",
        "skip_when_already_exists",
    )
    template_fields_renderers = {"conf": "py"}
    ui_color = "#ffefeb"
    #: Arguments of Airflow 1, and what to write instead.
    GONE_ARGUMENTS: ClassVar[dict[str, str]] = {
        "python_callable": "put a ShortCircuitOperator before it that decides, and give the run's conf"
    }

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: dict[str, Any] | None = None,
        logical_date: str | dt.datetime | None = None,
        run_after: str | dt.datetime | None = None,
        execution_date: str | dt.datetime | None = None,
        reset_dag_run: bool = False,
        wait_for_completion: bool = False,
        poke_interval: dt.timedelta | float = 60,
        allowed_states: Sequence[str] | None = None,
        failed_states: Sequence[str] | None = None,
        skip_when_already_exists: bool = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool | None = None,
        openlineage_inject_parent_info: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        of = name_of(self)
        self.trigger_dag_id = trigger_dag_id
        self.trigger_run_id = trigger_run_id
        self.conf = conf
        self.logical_date = logical_date if execution_date is None else execution_date
        self.run_after = run_after
        self.reset_dag_run = reset_dag_run
        self.wait_for_completion = wait_for_completion
        #: Seconds.
        self.poke_interval = cast("float", as_seconds(poke_interval, name="poke_interval", of=of))
        self.allowed_states = _states(of, allowed_states or [RunState.SUCCESS])
        self.failed_states = _states(of, [RunState.FAILED] if failed_states is None else failed_states)
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused = fail_when_dag_is_paused
        self.note = note
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Context) -> None:
        run_id = self._start(context)
        context["ti"].xcom_push(XCOM_RUN_ID, run_id)
        if not _is_true(self.wait_for_completion):
            return
        watch = Watch(
            dag_id=self.trigger_dag_id,
            run_ids=(run_id,),
            allowed=self.allowed_states,
            failed=self.failed_states,
            ends=type(self).execute_complete is TriggerDagRunOperator.execute_complete,
        )
        final = {state.value for state in (RunState.SUCCESS, RunState.FAILED)}
        if self.deferrable and {*watch.allowed, *watch.failed} <= final:
            self.defer(WatchTrigger.of(watch), method_name="execute_complete", kwargs={"run_id": run_id})
        while True:
            verdict, _ = current_runtime().look_at(watch)
            if verdict.status != "waiting":
                self._judge({"status": verdict.status, "seen": verdict.seen})
                return
            self.log.info("waiting: %s", verdict.seen)
            sleep(self.poke_interval)

    def execute_complete(self, context: Context, event: Any = None, run_id: str = "") -> None:
        """The engine says that the run has ended."""
        self._judge(event)

    def _start(self, context: Context) -> str:
        of = name_of(self)
        try:
            conf = json.dumps(self.conf or {}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"task {self.task_id!r}: conf must be what JSON can hold: {error}") from None
        run_id, outcome, is_paused = current_runtime().start_run(
            self.trigger_dag_id,
            run_id=self.trigger_run_id,
            conf=conf.encode(),
            logical_date=_in_utc(self.logical_date, "logical_date", of),
            run_after=_in_utc(self.run_after, "run_after", of),
            reset=self.reset_dag_run,
            refuse_paused=self.fail_when_dag_is_paused,
            note=self.note,
        )
        if outcome == "exists":
            message = f"DAG {self.trigger_dag_id!r} has a run {run_id!r} already"
            if _is_true(self.skip_when_already_exists):
                raise TaskSkipped(message)
            raise TaskError(
                f"{message}; give another trigger_run_id or logical_date, reset_dag_run=True or "
                "skip_when_already_exists=True"
            )
        self.log.info("run %s of DAG %s was %s", run_id, self.trigger_dag_id, outcome)
        if is_paused:
            self.log.warning(
                "DAG %s is paused: the run stays queued until `bide dags unpause %s`; with "
                "fail_when_dag_is_paused=True this task would fail instead",
                *(self.trigger_dag_id, self.trigger_dag_id),
            )
        return run_id

    def _judge(self, event: Any) -> None:
        told = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
        if told.get("status", "success") != "success":
            raise TriggeredRunFailed(f"DAG {self.trigger_dag_id!r}: {told.get('seen', 'failed')}")
        self.log.info("DAG %s: %s", self.trigger_dag_id, told.get("seen", "let go by hand"))


def _in_utc(value: str | dt.datetime | None, name: str, of: str) -> str | None:
    moment = as_moment(value, name=name, of=of)
    return None if moment is None else moment.astimezone(dt.UTC).isoformat()


def _states(of: str, values: Sequence[Any]) -> tuple[str, ...]:
    found = tuple(str(getattr(value, "value", value)) for value in values)
    for state in found:
        check_choice(state, [one.value for one in RunState], "state", of)
    return found


def _is_true(value: Any) -> bool:
    """Whether an argument that may have been a template means yes."""
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)
