"""Airflow's commands about what is kept and what serves, and what each is here."""

from __future__ import annotations

from typing import Final

from bide.cli.airflow import builders as build
from bide.cli.airflow import shapes
from bide.cli.airflow.options import (
    OUTPUT,
    READING,
    SERVING,
    VERBOSE,
    YES,
    Command,
    places,
    refused,
    switch,
    value,
)

_STORED: Final = (
    Command(
        "connections add",
        "connections add",
        places("conn_id"),
        (
            *READING,
            *(
                value(f"--conn-{name}")
                for name in [
                    "type",
                    "description",
                    "host",
                    "login",
                    "password",
                    "schema",
                    "port",
                    "extra",
                    "uri",
                    "json",
                ]
            ),
            *(
                value(f"--{name}")
                for name in ["description", "host", "login", "password", "schema", "port", "extra"]
            ),
        ),
        build.fields,
    ),
    Command(
        "connections get",
        "connections get --show-values",
        places("conn_id"),
        (*READING, value("--color")),
        shape=shapes.connections,
    ),
    Command(
        "connections list",
        "connections list",
        (),
        (
            *READING,
            value("--conn-id", to="--conn-id"),
            switch("--show-values", to="--show-values"),
            switch("--hide-sensitive"),
        ),
        shape=shapes.connections,
    ),
    Command("connections delete", "connections delete", places("conn_id"), (*READING, value("--color"))),
    Command("connections test", "connections test", places("conn_id"), READING),
    Command(
        "connections export",
        "connections export",
        places("file"),
        (*READING, value("--format"), value("--file-format"), value("--serialization-format")),
    ),
    Command(
        "connections import",
        "connections import",
        places("file"),
        (*READING, switch("--overwrite", to="--overwrite")),
    ),
    Command("connections create-default-connections", said="nothing to do: there are no default connections"),
    Command(
        "variables set",
        "variables set",
        places("key value"),
        (
            *READING,
            value("--description", to="--description"),
            switch("--json", "--serialize-json", "-j", to="--json"),
        ),
    ),
    Command(
        "variables get",
        "variables get",
        places("key"),
        (
            *READING,
            value("--default", "-d", to="--default"),
            switch("--json", "--deserialize-json", "-j", to="--json"),
        ),
    ),
    Command(
        "variables list",
        "variables list",
        (),
        (*READING, switch("--show-values", to="--show-values"), switch("--hide-sensitive")),
        shape=shapes.keys,
    ),
    Command("variables delete", "variables delete", places("key"), READING),
    Command(
        "variables import",
        "variables import",
        places("file"),
        (*READING, value("--action-on-existing-key", "-a", to="--action-on-existing-key")),
    ),
    Command("variables export", "variables export", places("file"), READING),
    Command("pools list", "pools list", (), READING, shape=shapes.pools),
    Command("pools get", "pools get", places("pool"), READING, shape=shapes.pools),
    Command(
        "pools set",
        "pools set",
        places("pool slots description?"),
        (*READING, switch("--include-deferred", to="--include-deferred"), value("--team-name")),
    ),
    Command("pools delete", "pools delete", places("pool"), READING),
    Command("pools import", "pools import", places("file"), READING),
    Command("pools export", "pools export", places("file"), READING),
)

_STORE: Final = (
    *(
        Command(
            f"db {word}",
            "db upgrade",
            (),
            (
                VERBOSE,
                YES._replace(to=None),
                switch("--migrate-wait", "-m"),
                switch("--use-migration-files"),
                switch("--reserialize-dags", "--no-reserialize-dags"),
                refused("--show-sql-only", "-s", why="it is brought up to date in place"),
                refused("--to-version", "-n", why="it has the schema of this version of Bide", takes_value=True),
                refused("--to-revision", "-r", why="it has the schema of this version of Bide", takes_value=True),
                refused("--from-version", why="it is brought up to date in place", takes_value=True),
                refused("--from-revision", why="it is brought up to date in place", takes_value=True),
            ),
        )
        for word in ("migrate", "init", "upgrade")
    ),
    Command(
        "db check",
        "db check --reachable",
        (),
        (VERBOSE, value("--retry", to="--retry"), value("--retry-delay", to="--retry-delay")),
    ),
    Command(
        "db check-migrations",
        "db check",
        (),
        (VERBOSE, value("--migration-wait-timeout", "-t", to="--retry")),
    ),
    Command(
        "db clean",
        "db clean",
        (),
        (
            *READING,
            YES,
            value("--clean-before-timestamp", to="--before"),
            value("--tables", "-t", to="--tables"),
            value("--dag-ids", to="--dag"),
            switch("--dry-run", to="--dry-run"),
            switch("--skip-archive", to="--skip-archive"),
            refused("--exclude-dag-ids", why="name DAGs with --dag-ids", takes_value=True),
            value("--batch-size"),
            switch("--error-on-cleanup-failure"),
        ),
    ),
    Command("db reset", instead="stop the engine and delete the store: the file that `bide db check` names"),
    Command("db shell", instead="`sqlite3` or `psql` with the store that `bide db check` names, to read it"),
    Command("db downgrade", instead="a copy of the store from before the upgrade"),
    Command("db export-archived", instead="`bide db clean --archive DIR`, which writes files at once"),
    Command("db drop-archived", instead="nothing: archives are files, not tables"),
    Command("rotate-fernet-key", "crypto rotate", (), (VERBOSE,)),
)

_QUEUES: Final = value("--queues", "-q", to="--queues")

_PARTS: Final = (
    Command("standalone", "standalone", (), SERVING),
    Command(
        "scheduler",
        "scheduler",
        (),
        (*SERVING, value("--num-runs", "-n"), switch("--only-idle", "-i"), switch("--do-pickle", "-p")),
    ),
    Command(
        "triggerer",
        "triggerer",
        (),
        (*SERVING, value("--capacity", to="--capacity"), _QUEUES, value("--team-name")),
    ),
    Command(
        "dag-processor", "dag-processor", (), (*SERVING, value("--num-runs", "-n"), switch("--do-pickle", "-p"))
    ),
    *(
        Command(
            word,
            "api-server",
            (),
            (
                *(option for option in SERVING if "-s" not in option.flags),
                value("--port", "-p", to="--port"),
                value("--host", "--hostname", "-H", to="--host"),
                value("--workers", "-w"),
                value("--worker-timeout", "--worker_timeout", "-t"),
                value("--workerclass", "-k"),
                value("--access-logfile", "-A"),
                value("--error-logfile", "-E"),
                value("--access-logformat", "-L"),
                value("--apps"),
                switch("--proxy-headers"),
                *(
                    refused(flag, why="put a proxy in front that speaks TLS", takes_value=True)
                    for flag in ("--ssl-cert", "--ssl-key", "--ssl-ca-file", "--ssl-cert-reqs")
                ),
            ),
        )
        for word in ("api-server", "webserver")
    ),
    Command(
        "celery worker",
        "scheduler",
        (),
        (
            *SERVING,
            _QUEUES,
            value("--concurrency", "-c"),
            value("--autoscale", "-a"),
            value("--celery-hostname", "-H"),
            value("--umask", "-u"),
            switch("--without-mingle"),
            switch("--without-gossip"),
        ),
        build.worker,
        said="there is no broker: a scheduler runs the tasks of its queues in workers of its host",
    ),
    Command("celery flower", instead="`bide tasks list` and `bide waits stats`"),
    Command("celery stop", instead="SIGTERM to the `bide scheduler` of that host"),
    Command("kubernetes cleanup-pods", instead="nothing: tasks run in workers, not in pods"),
    Command("kerberos", instead="KerberosService where the task needs it"),
    Command(
        "jobs check",
        "db check",
        (),
        (
            VERBOSE,
            *(value(flag) for flag in ("--job-type", "--hostname", "--limit")),
            *(switch(flag) for flag in ("--local", "--allow-multiple")),
        ),
        shape=shapes.alive,
    ),
)

#: What ``config list`` may show beside values; ``config show`` shows what there is.
_LISTING: Final = (
    ("--comment-out-everything", "-c"),
    ("--defaults", "-a"),
    ("--include-descriptions", "-d"),
    ("--include-env-vars", "-V"),
    ("--include-examples", "-e"),
    ("--include-sources", "-s"),
    ("--exclude-providers", "-p"),
    ("--show-values",),
    ("--hide-sensitive",),
)

_REST: Final = (
    Command(
        "config list",
        "config show",
        (),
        (
            VERBOSE,
            OUTPUT,
            value("--section"),
            value("--color"),
            *(switch(*flags) for flags in _LISTING),
        ),
        build.section,
    ),
    Command("config get-value", "config get", places("section option"), (VERBOSE, OUTPUT)),
    Command(
        "config lint",
        "config check --airflow",
        (),
        (
            VERBOSE,
            OUTPUT,
            *(value(f"--{name}") for name in ("section", "option", "ignore-section", "ignore-option")),
        ),
    ),
    Command("config update", instead="`bide config check --airflow`, which says what each setting is here"),
    Command("info", "config show", (), (VERBOSE, OUTPUT, switch("--anonymize"), switch("--file-io"))),
    Command("version", "version", (), (VERBOSE,)),
    Command("cheat-sheet", "--help", (), (VERBOSE,)),
    Command("providers list", "provider list", (), READING, shape=shapes.providers),
    Command(
        "providers get",
        "provider list",
        places("name"),
        (*READING, value("--color"), switch("--full", "-f")),
        build.nothing,
    ),
    *(
        Command(f"providers {word}", instead="`bide provider list --output json`, and `bide provider check`")
        for word in (
            "auth",
            "auth-managers",
            "behaviours",
            "configs",
            "executors",
            "hooks",
            "lazy-loaded",
            "links",
            "logging",
            "notifications",
            "queues",
            "secrets",
            "triggers",
            "widgets",
        )
    ),
    Command("plugins", instead="`bide dags errors`, which says why one can't be read"),
    *(
        Command(f"users {word}", said="there is one user, admin, with the password in $BIDE_HOME/password")
        for word in ("create", "list", "delete", "add-role", "remove-role", "import", "export", "reset-password")
    ),
    *(
        Command(f"roles {word}", said="there is one user, admin, who may do everything")
        for word in ("list", "create", "delete", "add-perms", "del-perms", "import", "export")
    ),
    Command("sync-perm", said="nothing to do: there is one user, admin, who may do everything"),
)

#: All other commands.
UPKEEP: Final = (*_PARTS, *_STORED, *_STORE, *_REST)
