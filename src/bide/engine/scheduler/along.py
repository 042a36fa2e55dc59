"""What the scheduler does by itself, and what it does at the end of the transactions that call for it."""

from __future__ import annotations

from typing import Protocol

from bide.config.resolved import Config
from bide.control.queue_tasks import Who
from bide.engine.executors.contract import Executor
from bide.engine.scheduler.begin_along import BeginAlong, BeginningExecutor
from bide.engine.scheduler.deliver_along import DeliverAlong
from bide.engine.scheduler.duties.purge_xcoms import Purges
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.duty import Duty
from bide.engine.scheduler.duty_list import configured_duties
from bide.engine.scheduler.scope import Scope
from bide.engine.scheduler.start_along import StartAlong
from bide.model.log_path import LogLayout
from bide.store import Store


class PromptExecutor(Executor, BeginningExecutor, Protocol):
    """Takes tasks that are to be started, and such as have begun."""


def begin_duties(
    config: Config,
    store: Store,
    executor: PromptExecutor,
    scope: Scope,
    who: Who,
    logs: LogLayout,
    purger: Purges,
) -> list[Duty]:
    """The duties of an engine; what can be done along with the commit that calls for it is from now on.

    An event makes runs, runs start and schedule tasks, and those begin: in this order, all in one commit.
    """
    starts = StartRuns(store, scope, config.settings.scheduler.backfill_share)
    if scope.everything:
        store.follow(DeliverAlong(who.session))
    store.follow(StartAlong(who.session, starts))
    store.follow(BeginAlong(executor, who, logs))
    return configured_duties(config, store, executor, scope, who, logs, purger)
