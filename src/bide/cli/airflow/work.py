"""Airflow's commands about DAGs, runs, tasks, backfills and assets, and what each is here."""

from __future__ import annotations

from typing import Final

from bide.cli.airflow import builders as build
from bide.cli.airflow import shapes
from bide.cli.airflow.options import (
    NO_REGEX,
    READING,
    SUBDIR,
    VERBOSE,
    YES,
    Command,
    Option,
    noted,
    places,
    refused,
    switch,
    value,
)

_ON_RUN: Final = places("dag_id task_id run")
_DATES: Final = (value("--start-date", "-s", to="--start-date"), value("--end-date", "-e", to="--end-date"))
_RELATED: Final = (
    switch("--upstream", "-u", to="--upstream"),
    switch("--downstream", "-d", to="--downstream"),
)
_MARKING: Final = (
    VERBOSE,
    SUBDIR,
    value("--dag", "--dag-id", "-d"),
    value("--task", "--task-id", "-t"),
    value("--execution-date", "--logical-date", "--exec-date", "-e"),
    value("--run-id", "-r"),
    value("--map-index"),
    switch("--upstream", "-u"),
    switch("--downstream"),
    switch("--past"),
    switch("--future"),
    switch("--yes", "-y"),
)
_NO_PICTURE: Final = "there are no pictures of DAGs"

_DAGS: Final = (
    Command(
        "dags list",
        "dags list",
        (),
        (*READING, value("--columns"), switch("--local", "-l")),
        shape=shapes.dags,
    ),
    Command("dags details", "dags details", places("dag_id"), READING),
    Command(
        "dags show",
        "dags show",
        places("dag_id"),
        (
            *READING,
            refused("--save", "-s", why=_NO_PICTURE, takes_value=True),
            refused("--imgcat", why=_NO_PICTURE),
        ),
    ),
    Command("dags show-dependencies", "assets graph", (), (*READING, value("--save", "-s"), switch("--imgcat"))),
    Command(
        "dags trigger",
        "dags trigger",
        places("dag_id"),
        (
            *READING,
            value("--conf", "-c", to="--conf"),
            value("--logical-date", "--exec-date", "-e", "-l", to="--logical-date"),
            value("--run-id", "-r", to="--run-id"),
            value("--note", to="--note"),
            switch("--no-replace-microseconds"),
        ),
        shape=shapes.triggered,
    ),
    Command(
        "dags test",
        "dags test",
        places("dag_id logical_date?"),
        (
            *READING,
            value("--conf", "-c", to="--conf"),
            value("--mark-success-pattern", to="--mark-success-pattern"),
            value("--dagfile-path", "-f", to="--dags", convert=lambda path: path.rpartition("/")[0] or "."),
            switch("--show-dagrun"),
            switch("--imgcat-dagrun"),
            value("--save-dagrun"),
            switch("--use-executor"),
        ),
    ),
    *(
        Command(
            f"dags {word}",
            f"dags {word}",
            places("dag_id"),
            (*READING, NO_REGEX, switch("--yes", "-y")),
            shape=shapes.paused,
        )
        for word in ("pause", "unpause")
    ),
    Command(
        "dags next-execution",
        "dags next-execution",
        places("dag_id"),
        (*READING, value("--num-executions", "-n", to="--num-executions"), switch("--table"), value("--field")),
        shape=shapes.next_dates,
    ),
    Command(
        "dags list-runs",
        "runs list",
        places("dag_id?"),
        (
            *READING,
            value("--dag", "--dag-id", "-d"),
            value("--state", to="--state"),
            switch("--no-backfill"),
            value("--start-date", "-s"),
            value("--end-date", "-e"),
        ),
        build.runs_of_dag,
        shape=shapes.runs,
    ),
    Command("dags list-import-errors", "dags errors", (), (*READING, switch("--local", "-l"))),
    Command("dags state", "runs show", places("dag_id run"), READING, build.dag_state, shape=shapes.state),
    Command("dags report", "dags report", (), READING),
    Command("dags reserialize", "dags reserialize", (), (*READING, switch("--clear-only"))),
    Command(
        "dags backfill",
        "dags backfill",
        places("dag_id"),
        (
            *READING,
            *_DATES,
            value("--conf", "-c", to="--conf"),
            value("--max-jobs", "--max-active-runs", to="--max-jobs"),
            switch("--dry-run", "-n", to="--dry-run"),
            switch("--rerun-failed-tasks", to="--rerun-failed-tasks"),
            Option(("--reset-dagruns",), "--reprocess=completed"),
            switch("--run-backwards", "-B", to="--run-backwards"),
            refused(
                "--task-regex", "-t", why="`bide tasks clear DAG -t REGEX` runs some tasks again", takes_value=True
            ),
            refused(
                "--mark-success", "-m", why="`bide runs mark DAG RUN --state success` says that a run succeeded"
            ),
            NO_REGEX,
            noted("--pool", note="tasks keep their pools", takes_value=True),
            noted("--ignore-dependencies", "-i", note="tasks wait for those before them"),
            switch("--ignore-first-depends-on-past", "-I"),
            switch("--local", "-l"),
            switch("--donot-pickle", "-x"),
            value("--delay-on-limit"),
            switch("--continue-on-failures"),
            switch("--disable-retry"),
            switch("--yes", "-y"),
        ),
    ),
    Command(
        "dags delete",
        "db clean --older-than 0 --skip-archive",
        places("dag_id"),
        (*READING, YES),
        build.runs_of,
        said="its runs are deleted; the DAG goes with its file",
    ),
    Command(
        "dags clear",
        "tasks clear",
        places("dag_id"),
        (
            *READING,
            value("--run-id", to="--run"),
            switch("--only-failed", "-f", to="--only-failed"),
            switch("--only-running", "-r", to="--only-running"),
            YES,
            *(
                refused(f"--partition-{name}", why="runs have no partitions", takes_value=True)
                for name in ("key", "date-start", "date-end")
            ),
        ),
    ),
    Command("dags list-jobs", instead="`bide runs list` and `bide db check`, which names the engines that live"),
)

_TASKS: Final = (
    Command("tasks list", "dags show --tasks", places("dag_id"), (*READING, switch("--tree", "-t"))),
    Command(
        "tasks state",
        "tasks show",
        _ON_RUN,
        (*READING, value("--map-index")),
        build.task_of_run,
        shape=shapes.state,
    ),
    Command("tasks failed-deps", "tasks show", _ON_RUN, (*READING, value("--map-index")), build.task_of_run),
    Command(
        "tasks states-for-dag-run",
        "runs show",
        places("dag_id run"),
        READING,
        build.dag_state,
        shape=shapes.states_of_run,
    ),
    Command(
        "tasks test",
        "dags test",
        places("dag_id task_id logical_date?"),
        (
            *READING,
            value("--task-params", "-t"),
            switch("--dry-run", "-n"),
            switch("--post-mortem", "-m"),
            refused("--env-vars", why="set them in front of the command", takes_value=True),
            noted("--map-index", note="all instances of a mapped task are run", takes_value=True),
        ),
        build.one_task,
    ),
    Command(
        "tasks run",
        "tasks clear",
        _ON_RUN,
        (
            *READING,
            value("--map-index"),
            switch("--local", "-l"),
            switch("--raw", "-r"),
            switch("--mark-success", "-m"),
            switch("--force", "-f"),
            switch("--ignore-all-dependencies", "-A"),
            switch("--ignore-dependencies", "-i"),
            switch("--ignore-depends-on-past", "-I"),
            value("--depends-on-past", "-d"),
            value("--pool"),
            value("--cfg-path"),
            value("--pickle", "-p"),
            value("--job-id", "-j"),
            *(switch(flag) for flag in ("--ship-dag", "--no-shut-down-logging", "--read-from-db")),
            switch("--interactive", "-N"),
        ),
        build.run_again,
        said="the engine runs it again",
    ),
    Command(
        "tasks clear",
        "tasks clear",
        places("dag_id"),
        (
            *READING,
            *_DATES,
            *_RELATED,
            YES,
            value("--task-regex", "-t", to="--task-regex"),
            switch("--only-failed", "-f", to="--only-failed"),
            switch("--only-running", "-r", to="--only-running"),
            refused("--dag-regex", "-R", why="name one DAG at a time"),
            switch("--exclude-subdags", "-x"),
            switch("--exclude-parentdag", "-X"),
        ),
    ),
    Command("tasks mark-success", "tasks mark", places("dag_id? task_id? run?"), _MARKING, build.mark_success),
    Command("tasks mark-failed", "tasks mark", places("dag_id? task_id? run?"), _MARKING, build.mark_failed),
    Command("tasks render", instead="`bide dags test DAG`, or `bide tasks logs DAG TASK` of a run that was"),
)

_BACKFILLS_AND_ASSETS: Final = (
    Command(
        "backfill create",
        "backfill create",
        (),
        (
            *READING,
            value("--dag-id", "--dag", to="--dag-id"),
            value("--from-date", to="--from-date"),
            value("--to-date", to="--to-date"),
            value("--dag-run-conf", to="--dag-run-conf"),
            value("--max-active-runs", to="--max-active-runs"),
            value("--reprocess-behavior", to="--reprocess-behavior"),
            switch("--run-backwards", to="--run-backwards"),
            switch("--dry-run", to="--dry-run"),
            switch("--run-on-latest-version"),
            switch("--no-run-on-latest-version"),
        ),
    ),
    Command("assets list", "assets list", (), (*READING, switch("--alias"), value("--columns"))),
    Command(
        "assets details",
        "assets show",
        (),
        (*READING, value("--name"), value("--uri"), switch("--alias")),
        build.asset,
    ),
    Command(
        "assets materialize", instead="`bide dags trigger` with the DAG whose task makes it (`bide assets show`)"
    ),
)

#: Commands about DAGs, runs, tasks, backfills and assets.
WORK: Final = (*_DAGS, *_TASKS, *_BACKFILLS_AND_ASSETS)
