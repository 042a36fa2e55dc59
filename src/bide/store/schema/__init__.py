"""The tables. Names of tables and columns follow Airflow's where they mean the same.

``uid`` columns are UUIDv7 row ids (36 characters). ``*_at`` and ``*_date`` columns are moments in UTC. Values of
users (``kwargs``, ``event``, ``value``, ...) are opaque bytes that only runners read. Columns of the type
:class:`~bide.store.sealing.Sealed` are encrypted in the database.

    dag ── dag_version            what is known of each DAG; a version is one serialised form
    dag_file, import_error        what was read, and what could not be
    backfill ── backfill_dag_run  runs of past dates that were asked for, and what came of each date
    dag_run ── task_instance      one run, its instances
                 ├── task_event   append-only: every state entered
                 ├── task_error   why tries have failed
                 ├── expansion    a mapped task that was expanded: over how much, and how its instances ended
                 ├── task_instance_note   what people wrote about it
                 ├── mark         appended when an instance finishes, deleted by the duty that reads it
                 ├── wait         a deferred instance's wait: one row, or a tree of them
                 │    └── watch   runs that a wait has an eye on
                 ├── question      what people are asked, and what they answered
                 ├── signal       callback URLs, and signals that came before they were waited for
                 ├── resume       where an instance that was deferred goes on, and with which event
                 ├── task_state   what outlives a try: job ids, journals of steps, checkpoints, users' own
                 └── xcom
    asset ── asset_reference      what tasks make and read, and what DAGs wait for
      ├── asset_alias_link        aliases by which it is found
      ├── asset_state             what tasks keep with it
      ├── asset_event             append-only: what became of it, and by whom
      │     └── asset_delivery    which DAG is to have it, and which run has it
      └── asset_watcher           a trigger that makes events of it, its lease and its state
            └── asset_watcher_dag which DAGs have it run
    asset_mark                    appended when a DAG gets an event, deleted by whoever looks at the DAG
    xcom_purge                    what XComs of deleted runs have left outside of the store
    slot_pool                     slots that tasks of any DAG share
    callback_request              what is to be called because something has ended
    timetable_question            what timetables of authors' own are to be asked
    deadline                      by when tasks and runs should have ended
    callback_failure              which of them failed
    checkpoint                    how far streams were read, of a wait or of all that share a stream
    taken_message                 messages that were for one wait only and had one
    cancel_obligation             external work that has to be cancelled
    session                       engines, past and present
    writer                        the last transaction of each thread that writes to PostgreSQL
    log                           who did what
    connection, variable          what tasks look up by name
"""

from __future__ import annotations

from bide.store.schema.assets import (
    asset,
    asset_alias_link,
    asset_delivery,
    asset_event,
    asset_mark,
    asset_reference,
    asset_state,
)
from bide.store.schema.backfills import backfill, backfill_dag_run
from bide.store.schema.callback_requests import callback_failure, callback_request
from bide.store.schema.columns import UtcTime, metadata, to_text
from bide.store.schema.dags import dag, dag_file, dag_version, import_error
from bide.store.schema.deadlines import deadline
from bide.store.schema.pools import slot_pool
from bide.store.schema.purges import xcom_purge
from bide.store.schema.runs import (
    dag_run,
    expansion,
    mark,
    task_error,
    task_event,
    task_instance,
    task_instance_note,
    task_state,
    xcom,
)
from bide.store.schema.secrets import connection, variable
from bide.store.schema.sessions import log, session, writer
from bide.store.schema.timetables import timetable_question
from bide.store.schema.waits import (
    cancel_obligation,
    checkpoint,
    question,
    resume,
    signal,
    taken_message,
    wait,
    watch,
)
from bide.store.schema.watchers import asset_watcher, asset_watcher_dag

__all__ = [
    "UtcTime",
    "asset",
    "asset_alias_link",
    "asset_delivery",
    "asset_event",
    "asset_mark",
    "asset_reference",
    "asset_state",
    "asset_watcher",
    "asset_watcher_dag",
    "backfill",
    "backfill_dag_run",
    "callback_failure",
    "callback_request",
    "cancel_obligation",
    "checkpoint",
    "connection",
    "dag",
    "dag_file",
    "dag_run",
    "dag_version",
    "deadline",
    "expansion",
    "import_error",
    "log",
    "mark",
    "metadata",
    "question",
    "resume",
    "session",
    "signal",
    "slot_pool",
    "taken_message",
    "task_error",
    "task_event",
    "task_instance",
    "task_instance_note",
    "task_state",
    "timetable_question",
    "to_text",
    "variable",
    "wait",
    "watch",
    "writer",
    "xcom",
    "xcom_purge",
]
