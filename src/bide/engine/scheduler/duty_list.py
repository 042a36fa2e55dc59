"""All duties of an engine."""

from __future__ import annotations

from bide.config.resolved import Config
from bide.control.queue_tasks import Who
from bide.engine.executors.contract import Executor
from bide.engine.scheduler.duties.advance_runs import AdvanceRuns
from bide.engine.scheduler.duties.create_runs import CreateRuns
from bide.engine.scheduler.duties.delete_history import DeleteHistory
from bide.engine.scheduler.duties.deliver_assets import DeliverAssets
from bide.engine.scheduler.duties.enforce_deadlines import EnforceDeadlines
from bide.engine.scheduler.duties.fire_timers import FireTimers
from bide.engine.scheduler.duties.forget_signals import ForgetSignals
from bide.engine.scheduler.duties.miss_deadlines import MissDeadlines
from bide.engine.scheduler.duties.purge_xcoms import Purges, RemoveXComs
from bide.engine.scheduler.duties.queue_tasks import QueueTasks
from bide.engine.scheduler.duties.release_due import ReleaseDue
from bide.engine.scheduler.duties.run_backfills import RunBackfills
from bide.engine.scheduler.duties.settle_watches import SettleWatches
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.duties.stop_fenced import StopFenced
from bide.engine.scheduler.duty import Duty
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.model.log_path import LogLayout
from bide.store import Store


def configured_duties(
    config: Config, store: Store, executor: Executor, scope: Scope, who: Who, logs: LogLayout, purger: Purges
) -> list[Duty]:
    """The duties of an engine as its settings want them. Raises :class:`ConfigError`."""
    share = config.settings.scheduler.backfill_share
    duties = make_duties(store, executor, scope, who, logs, backfill_share=share)
    if scope.everything:
        duties.append(RemoveXComs(store, purger))
    retention = config.retention
    if scope.everything and not retention.is_all:
        interval = config.settings.retention.interval_sec
        duties.append(
            DeleteHistory(
                store, who.session, retention, logs, config.archive_folder, config.xcoms_elsewhere, interval
            )
        )
    return duties


def make_duties(
    store: Store, executor: Executor, scope: Scope, who: Who, logs: LogLayout, *, backfill_share: float = 0.5
) -> list[Duty]:
    """The duties of one engine session on `store`, as far as `scope` calls for them."""
    task_log = TaskLog(store, logs)
    duties: list[Duty] = [
        StartRuns(store, scope, backfill_share),
        AdvanceRuns(store, scope),
        QueueTasks(store, executor, who),
        FireTimers(store, scope, task_log),
        ReleaseDue(store, scope),
        SettleWatches(store, scope),
        EnforceDeadlines(store, scope, task_log),
        MissDeadlines(store, scope),
        StopFenced(store, executor),
    ]
    if scope.everything:
        duties += [CreateRuns(store), RunBackfills(store), DeliverAssets(store), ForgetSignals(store)]
    return duties
