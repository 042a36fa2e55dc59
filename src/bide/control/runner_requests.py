"""The table that answers what task runners ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, cast

import structlog

from bide.control.asset_questions import events_named, triggering_events
from bide.control.asset_states import answer_state
from bide.control.deadlines import set_computed
from bide.control.defer_task import defer_task, reschedule_task
from bide.control.ending_callbacks import settle_ending
from bide.control.finish_task import finish_task
from bide.control.journals import keep_entries
from bide.control.lookups import answer_lookup, look_up
from bide.control.mint_callback import PATH as CALLBACKS
from bide.control.mint_callback import CallbackAddress, mint_callback, no_address
from bide.control.run_questions import find_instances, find_runs
from bide.control.start_other_run import start_other_run
from bide.control.start_tasks import run_info
from bide.control.variables import set_variable
from bide.control.watch_runs import look, missing
from bide.model.errors import BideError, Fenced, ProtocolError, StoreUnavailable
from bide.model.sealed import refuse_sealed
from bide.model.states import TaskState
from bide.store import (
    Store,
    Tx,
    callback_requests,
    instances,
    run_order,
    runs,
    sessions,
    task_states,
    variables,
    xcoms,
)
from bide.store.instances import InstanceRow
from bide.store.task_states import TaskStateRow
from bide.wire.asset_messages import AssetEvents, GetAssetEvents, GetTriggeringEvents
from bide.wire.deadline_messages import SetDeadline
from bide.wire.kept import (
    AssetStateValue,
    CallbackUrl,
    DeleteAssetState,
    DeleteTaskState,
    GetAssetState,
    GetTaskState,
    MintCallback,
    SetAssetState,
    SetTaskState,
    TaskStateValue,
)
from bide.wire.lookups import LOOKUPS, DeleteVariable, GetConnection, GetVariable, SetVariable, VariableDeleted
from bide.wire.messages import (
    AskEarlierRun,
    AskInstances,
    AskRuns,
    AskWatch,
    CallbacksDone,
    Defer,
    EarlierRunFound,
    Finish,
    Frame,
    Ok,
    PullMapped,
    PullXCom,
    PushXCom,
    RecordEntries,
    Refused,
    Reply,
    Reschedule,
    StartRun,
    WatchVerdict,
    XComs,
    XComValue,
)
from bide.wire.other_runs import EarlierRun

log = structlog.get_logger("bide.control")

#: Seconds between attempts while the store is full or locked: a result is never given up.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0

Answer = Callable[[Store, str, int, Any], Awaitable[Reply]]


async def answer(store: Store, frame: Frame, *, address: CallbackAddress = no_address) -> Reply:
    """Do what `frame` asks and answer it; durable on return. `address` is where callbacks arrive.

    While the store is full or locked this waits, so that the task's result is kept in its worker.
    """
    handler = _TABLE.get(type(frame.body))
    if handler is None and not isinstance(frame.body, MintCallback):
        raise ProtocolError(f"a task runner can't ask for {type(frame.body).__name__}")
    pause = _FIRST_PAUSE
    while True:
        try:
            if isinstance(frame.body, MintCallback):
                return await _mint(store, frame.instance, frame.epoch, frame.body, address)
            assert handler is not None
            return await handler(store, frame.instance, frame.epoch, frame.body)
        except Fenced as error:
            return Refused(str(error), fenced=True)
        except StoreUnavailable as error:
            log.error("store_unavailable", error=str(error), retry_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        except BideError as error:
            return Refused(str(error))


async def answer_waiting(store: Store, frame: Frame) -> Reply:
    """Answer what a trigger runner asks on behalf of a task that is deferred."""
    if isinstance(frame.body, LOOKUPS):
        return await answer_lookup(store, frame.body)
    if isinstance(frame.body, AskRuns | AskInstances):
        return await _answer_about_runs(store, frame.body)
    if not isinstance(frame.body, PullXCom | PullMapped):
        return Refused("this can't be done while the task waits for its trigger, only when it runs")
    pull = _pull_xcom if isinstance(frame.body, PullXCom) else _pull_mapped
    try:
        return await pull(store, frame.instance, frame.epoch, cast("Any", frame.body), state=TaskState.DEFERRED)
    except BideError as error:
        return Refused(str(error), fenced=isinstance(error, Fenced))


async def _finish(store: Store, instance_id: str, epoch: int, body: Finish) -> Reply:
    await finish_task(store, instance_id, epoch, body)
    return Ok()


async def _defer(store: Store, instance_id: str, epoch: int, body: Defer) -> Reply:
    await defer_task(store, instance_id, epoch, body)
    return Ok()


async def _reschedule(store: Store, instance_id: str, epoch: int, body: Reschedule) -> Reply:
    await reschedule_task(store, instance_id, epoch, body)
    return Ok()


async def _record(store: Store, instance_id: str, epoch: int, body: RecordEntries) -> Reply:
    def work(tx: Tx) -> None:
        keep_entries(tx, _own(tx, instance_id, epoch).uid, body.entries)

    await store.write(work)
    return Ok()


async def _push_xcom(store: Store, instance_id: str, epoch: int, body: PushXCom) -> Reply:
    def work(tx: Tx) -> None:
        xcoms.put(tx, [_own(tx, instance_id, epoch).xcom(body.key, body.value, body.length)])

    await store.write(work)
    return Ok()


async def _pull_xcom(
    store: Store, instance_id: str, epoch: int, body: PullXCom, state: TaskState = TaskState.RUNNING
) -> Reply:
    def work(tx: Tx) -> XComs:
        row = _own(tx, instance_id, epoch, state)
        dag_id, run_id = body.dag_id or row.dag_id, body.run_id or row.run_id
        found = _stored(tx, dag_id, run_id, body)
        if not found and body.include_prior_dates:
            found = _pull_earlier(tx, row, dag_id, body)
        order = {task_id: place for place, task_id in enumerate(body.task_ids)}
        found.sort(key=lambda one: (order[one.task_id], one.map_index))
        return XComs(_values(found))

    return await store.read(work)


async def _pull_mapped(
    store: Store, instance_id: str, epoch: int, body: PullMapped, state: TaskState = TaskState.RUNNING
) -> Reply:
    def work(tx: Tx) -> XComs:
        row = _own(tx, instance_id, epoch, state)
        place = (row.dag_id, row.run_id, body.task_id, body.key)
        total = xcoms.count_mapped(tx, *place) if body.counted else None
        found = xcoms.slice_of(tx, *place, body.first, body.number) if body.number else []
        return XComs(_values(found), total)

    return await store.read(work)


def _values(found: Iterable[xcoms.XComRow]) -> tuple[XComValue, ...]:
    return tuple(XComValue(one.task_id, one.map_index, one.key, one.value) for one in found)


def _pull_earlier(tx: Tx, row: InstanceRow, dag_id: str, body: PullXCom) -> list[xcoms.XComRow]:
    run = runs.get_many(tx, [row.run_uid])[row.run_uid]
    if run.logical_date is None:
        return []
    earlier = xcoms.run_with_latest(tx, dag_id, body.task_ids, body.key, run.logical_date)
    if earlier is None:
        return []
    return _stored(tx, dag_id, earlier, body)


def _stored(tx: Tx, dag_id: str, run_id: str, body: PullXCom) -> list[xcoms.XComRow]:
    if body.key is None:
        return xcoms.pull_newest(tx, dag_id, run_id, body.task_ids, body.map_indexes)
    return xcoms.pull(tx, dag_id, run_id, body.task_ids, [body.key], body.map_indexes)


async def _mint(store: Store, instance_id: str, epoch: int, body: MintCallback, address: CallbackAddress) -> Reply:
    base = await address()
    token = await mint_callback(store, instance_id, epoch, body.name)
    return CallbackUrl(f"{base}{CALLBACKS}{token}", token)


async def _get_state(store: Store, instance_id: str, epoch: int, body: GetTaskState) -> Reply:
    def work(tx: Tx) -> TaskStateValue:
        found = task_states.get_one(tx, _own(tx, instance_id, epoch).uid, body.kind, body.key)
        if found is None:
            return TaskStateValue(None)
        refuse_sealed(found.value)
        return TaskStateValue(found.value)

    return await store.read(work)


async def _set_state(store: Store, instance_id: str, epoch: int, body: SetTaskState) -> Reply:
    def work(tx: Tx) -> None:
        uid = _own(tx, instance_id, epoch).uid
        task_states.put(tx, [TaskStateRow(uid, body.kind, body.key, body.value)])

    await store.write(work)
    return Ok()


async def _delete_state(store: Store, instance_id: str, epoch: int, body: DeleteTaskState) -> Reply:
    def work(tx: Tx) -> None:
        uid = _own(tx, instance_id, epoch).uid
        if body.key is None:
            task_states.delete_kind(tx, [uid], body.kind)
        else:
            task_states.delete_one(tx, uid, body.kind, body.key)

    await store.write(work)
    return Ok()


async def _look_up(store: Store, instance_id: str, epoch: int, body: GetConnection | GetVariable) -> Reply:
    return await look_up(store, body)


async def _set_variable(store: Store, instance_id: str, epoch: int, body: SetVariable) -> Reply:
    def work(tx: Tx) -> None:
        by = _named(_own(tx, instance_id, epoch))
        set_variable(tx, body.key, body.value, description=body.description, is_secret=body.is_secret, by=by)

    await store.write(work)
    return Ok()


async def _delete_variable(store: Store, instance_id: str, epoch: int, body: DeleteVariable) -> Reply:
    def work(tx: Tx) -> bool:
        by = _named(_own(tx, instance_id, epoch))
        existed = variables.delete(tx, body.key)
        if existed:
            sessions.audit(tx, "delete_variable", owner=by, extra=body.key)
            tx.ring("variables")
        return existed

    return VariableDeleted(await store.write(work))


def _named(row: InstanceRow) -> str:
    return f"task {row.dag_id}.{row.task_id}"


def _own(tx: Tx, instance_id: str, epoch: int, state: TaskState = TaskState.RUNNING) -> InstanceRow:
    row = instances.get(tx, instance_id)
    if row is None:
        raise Fenced("the task instance is gone")
    # Callbacks of a task that has ended may read and leave XComs like the task itself.
    if (row.epoch != epoch or row.state is not state) and not callback_requests.exists(tx, instance_id, epoch):
        raise Fenced(f"the task instance has moved on from epoch {epoch}")
    return row


async def _callbacks_done(store: Store, instance_id: str, epoch: int, body: CallbacksDone) -> Reply:
    await settle_ending(store, instance_id, epoch, body.failures)
    return Ok()


async def _set_deadline(store: Store, instance_id: str, epoch: int, body: SetDeadline) -> Reply:
    await store.write(lambda tx: set_computed(tx, _own(tx, instance_id, epoch).run_uid, body))
    return Ok()


async def _start_run(store: Store, instance_id: str, epoch: int, body: StartRun) -> Reply:
    owner = await store.read(lambda tx: _own(tx, instance_id, epoch))
    return await start_other_run(store, owner, body)


async def _look_at(store: Store, instance_id: str, epoch: int, body: AskWatch) -> Reply:
    def work(tx: Tx) -> WatchVerdict:
        _own(tx, instance_id, epoch)
        verdict = look(tx, body.watch)
        return WatchVerdict(verdict.status, verdict.seen, missing(tx, body.watch) if body.check_existence else "")

    return await store.read(work)


async def _asset_events(store: Store, instance_id: str, epoch: int, body: GetAssetEvents) -> Reply:
    def work(tx: Tx) -> AssetEvents:
        _own(tx, instance_id, epoch)
        return AssetEvents(events_named(tx, body))

    return await store.read(work)


async def _asset_state(
    store: Store, instance_id: str, epoch: int, body: GetAssetState | SetAssetState | DeleteAssetState
) -> Reply:
    def work(tx: Tx) -> AssetStateValue | Ok:
        _own(tx, instance_id, epoch)
        return answer_state(tx, body)

    return await (store.read(work) if isinstance(body, GetAssetState) else store.write(work))


async def _find_earlier(store: Store, instance_id: str, epoch: int, body: AskEarlierRun) -> Reply:
    def work(tx: Tx) -> EarlierRunFound:
        owner = _own(tx, instance_id, epoch)
        run = runs.get_many(tx, [owner.run_uid])[owner.run_uid]
        if run.logical_date is None:
            return EarlierRunFound()
        found = run_order.earlier(tx, run.dag_id, run.logical_date, body.state)
        if found is None:
            return EarlierRunFound()
        earlier, end_date = found
        ended = None if end_date is None else end_date.isoformat()
        return EarlierRunFound(EarlierRun(run_info(earlier), earlier.state.value, ended))

    return await store.read(work)


async def _about_runs(store: Store, instance_id: str, epoch: int, body: AskRuns | AskInstances) -> Reply:
    await store.read(lambda tx: _own(tx, instance_id, epoch))
    return await _answer_about_runs(store, body)


async def _answer_about_runs(store: Store, body: AskRuns | AskInstances) -> Reply:
    # A trigger whose task has just been ended from outside asks how, so it need not have the task any more.
    if isinstance(body, AskRuns):
        return await store.read(lambda tx: find_runs(tx, body))
    return await store.read(lambda tx: find_instances(tx, body))


async def _triggering(store: Store, instance_id: str, epoch: int, body: GetTriggeringEvents) -> Reply:
    return await store.read(lambda tx: AssetEvents(triggering_events(tx, _own(tx, instance_id, epoch).run_uid)))


_TABLE: Final[dict[type[Any], Answer]] = {
    Finish: _finish,
    Defer: _defer,
    Reschedule: _reschedule,
    PushXCom: _push_xcom,
    PullXCom: _pull_xcom,
    PullMapped: _pull_mapped,
    RecordEntries: _record,
    GetTaskState: _get_state,
    SetTaskState: _set_state,
    GetAssetState: _asset_state,
    SetAssetState: _asset_state,
    DeleteAssetState: _asset_state,
    DeleteTaskState: _delete_state,
    CallbacksDone: _callbacks_done,
    SetDeadline: _set_deadline,
    GetConnection: _look_up,
    GetVariable: _look_up,
    SetVariable: _set_variable,
    DeleteVariable: _delete_variable,
    StartRun: _start_run,
    AskWatch: _look_at,
    GetAssetEvents: _asset_events,
    GetTriggeringEvents: _triggering,
    AskEarlierRun: _find_earlier,
    AskRuns: _about_runs,
    AskInstances: _about_runs,
}

REQUESTS: Final[Sequence[type[Any]]] = (*_TABLE, MintCallback)
