"""Every setting, with its type, default and meaning.

This is the only list: ``bide.toml``, environment, ``bide config show`` and the page
``docs/reference/configuration.md`` are all read from or made of these structs. A name that Airflow has is
used where it means the same. Names that end in ``_sec`` are seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from bide.config.retention import Retention
from bide.config.section import Section
from bide.config.urls import hide_password
from bide.model.log_path import DEFAULT_LOG_TEMPLATE
from bide.model.pools import DEFAULT_POOL_SLOTS

AtLeastOne = Annotated[int, Meta(ge=1)]


class Core(Section, frozen=True):
    """Which DAGs there are, how much runs at once, and the keys of what is stored."""

    secrets: ClassVar[frozenset[str]] = frozenset({"fernet_key"})

    dags_folder: Annotated[
        str, Meta(description="Folder with DAG files; a relative path counts from the project folder.")
    ] = "dags"
    dag_discovery_safe_mode: Annotated[
        bool,
        Meta(
            description='Whether only files with both "dag" and one of "bide" and "airflow" in them are DAG files.'
        ),
    ] = True
    dag_ignore_file_syntax: Annotated[
        Literal["glob", "regexp"],
        Meta(description="How the lines of .airflowignore are meant; .bideignore always has globs."),
    ] = "glob"
    plugins_folder: Annotated[
        str,
        Meta(
            description="Folder with plugins, and with modules that DAG files and triggers import; a relative path "
            "counts from the project folder. It need not exist."
        ),
    ] = "plugins"
    parallelism: Annotated[int, Meta(ge=1, description="Tasks that run at once, async ones together as one.")] = 32
    max_active_tasks_per_dag: Annotated[
        int,
        Meta(ge=1, description="Task instances of one DAG that run at once, unless the DAG says otherwise."),
    ] = 16
    max_active_runs_per_dag: Annotated[
        int,
        Meta(ge=1, description="Runs of one DAG that are under way at once, unless the DAG says otherwise."),
    ] = 16
    max_consecutive_failed_dag_runs_per_dag: Annotated[
        int,
        Meta(
            ge=0,
            description="A DAG is paused when so many of its newest runs have failed, unless it says otherwise; "
            "0 for never.",
        ),
    ] = 0
    default_pool_task_slot_count: Annotated[
        int,
        Meta(
            ge=-1,
            description="Slots of the pool of tasks that name none, until somebody sets it (`bide pools set`); "
            "-1 for no limit.",
        ),
    ] = DEFAULT_POOL_SLOTS
    max_map_length: Annotated[
        int,
        Meta(
            ge=1,
            description="Elements of a result that tasks are expanded over; a task that gives more of them fails.",
        ),
    ] = 100_000
    default_timezone: Annotated[
        str, Meta(description="IANA name of the time zone of dates that DAG files give without one.")
    ] = "UTC"
    check_slas: Annotated[
        bool, Meta(description="Whether sla= of tasks is heeded. Deadline alerts of DAGs always are.")
    ] = True
    dags_are_paused_at_creation: Annotated[
        bool, Meta(description="Whether a DAG that is seen for the first time waits to be unpaused.")
    ] = False
    allowed_deserialization_classes: Annotated[
        list[str],
        Meta(
            description="Classes whose objects may be XComs and be built again from them, beside those of modules "
            "in the DAG folder and the plugin folder: package.module.Name, with * for any text."
        ),
    ] = []
    xcom_backend: Annotated[
        str,
        Meta(
            description="Import path of a class that stores and reads XComs in its own way, a BaseXCom. Not set: "
            "as [xcom] says."
        ),
    ] = ""
    test_connection: Annotated[
        Literal["disabled", "hidden", "enabled"],
        Meta(
            description='Whether users of the API may test connections, "enabled" or not: whoever may can make '
            "this machine connect to any other. `bide connections test` always can."
        ),
    ] = "disabled"
    sensitive_var_conn_names: Annotated[
        list[str],
        Meta(
            description="Further words for names of secrets, beside password, token, secret, api_key, ...: values "
            "of variables and of fields of connections' extra under such names are masked."
        ),
    ] = []
    fernet_key: Annotated[
        list[str],
        Meta(
            description="Keys that stored values are encrypted with: the first encrypts, all decrypt. "
            "Not set: those of keys/fernet.key in the state folder, which is made at first use. Never shown."
        ),
    ] = []


class StoreSection(Section, frozen=True):
    """Where runs, tasks, waits and results are kept."""

    url: Annotated[
        str,
        Meta(
            description="An SQLite file, which one engine at a time uses ({home} stands for the state folder), or "
            "a PostgreSQL database that any number of engines share: postgresql://USER@HOST/DATABASE."
        ),
    ] = "sqlite:///{home}/bide.db"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The URL without its password."""
        return [("url", hide_password(self.url))]


class LocalExecutor(Section, frozen=True):
    """How tasks are run on this machine."""

    isolation: Annotated[
        Literal["worker", "process"],
        Meta(
            description="worker: a warm process runs tasks of one DAG file one after the other; "
            "process: each task has a fresh fork."
        ),
    ] = "worker"
    preload: Annotated[
        list[str],
        Meta(description="Modules imported once, before workers are forked, so that each starts faster."),
    ] = []
    grace_sec: Annotated[
        float, Meta(ge=0, description="From SIGTERM to SIGKILL when a task is cancelled or the engine stops.")
    ] = 10.0
    worker_idle_sec: Annotated[float, Meta(ge=0, description="A worker without work ends after this time.")] = 60.0
    worker_max_tasks: Annotated[int, Meta(ge=1, description="A worker is replaced after so many tasks.")] = 1000
    async_tasks_per_worker: Annotated[
        int, Meta(ge=1, description="Async tasks of one DAG file that share a worker, and its slot; 1: none do.")
    ] = 100


class Secrets(Section, frozen=True):
    """A backend of secrets that is asked for connections and variables before the store."""

    secrets: ClassVar[frozenset[str]] = frozenset({"backend_kwargs"})

    backend: Annotated[
        str,
        Meta(
            description="Import path of its class, which derives from BaseSecretsBackend. Not set: there is none."
        ),
    ] = ""
    backend_kwargs: Annotated[
        str, Meta(description="Arguments of the class, as a JSON object. Never shown, nor told to tasks.")
    ] = "{}"
    cache_ttl_sec: Annotated[
        float, Meta(ge=0, description="An answer of the backend is good for this time, also that it has nothing.")
    ] = 60.0
    timeout_sec: Annotated[
        float,
        Meta(gt=0, description="A backend that takes longer is stopped, and made anew for the next question."),
    ] = 10.0


class Xcom(Section, frozen=True):
    """Where large XComs are kept."""

    objectstorage_path: Annotated[
        str,
        Meta(
            description="URL of a folder for large XComs that fsspec knows, such as s3://bucket/xcoms or "
            "file:///srv/xcoms (extra `objects`). Not set: all are kept in the store."
        ),
    ] = ""
    objectstorage_threshold: Annotated[
        int, Meta(ge=-1, description="Bytes of an encoded value from which on it goes there; -1 for none.")
    ] = 1024 * 1024
    objectstorage_compression: Annotated[Literal["none", "gzip"], Meta(description="How objects are packed.")] = (
        "none"
    )


class Triggerer(Section, frozen=True):
    """The service that looks for what deferred tasks wait for."""

    capacity: Annotated[
        AtLeastOne | None,
        Meta(description="Polls and streams held at once. Not set: 1000 at first, more while loops keep up."),
    ] = None
    job_heartbeat_sec: Annotated[
        float,
        Meta(
            gt=0,
            description="Time between heartbeats of a runner process and, on PostgreSQL, of each part that serves "
            "the store; one that is silent for 2.1 of them is lost, and others take over what it had.",
        ),
    ] = 2.0
    runners: Annotated[AtLeastOne | None, Meta(description="Runner processes at most. Not set: one per core.")] = (
        None
    )


class Parsing(Section, frozen=True):
    """How DAG files are read."""

    processes: Annotated[int, Meta(ge=1, description="Files that are parsed at once.")] = 2
    timeout_sec: Annotated[
        float,
        Meta(gt=0, description="A file whose import takes longer is stopped and shown as an import error."),
    ] = 30.0


class Scheduler(Section, frozen=True):
    """When DAGs run, and by when they should have."""

    sla_since: Annotated[
        Literal["run_after", "logical_date"],
        Meta(
            description="What sla= of tasks is counted from. run_after: the moment at which the run should have "
            "begun; logical_date: the start of its data interval."
        ),
    ] = "run_after"

    backfill_share: Annotated[
        float,
        Meta(
            ge=0.05,
            le=0.95,
            description="The part of a DAG's active runs that its backfill has while other runs of it wait, too.",
        ),
    ] = 0.5
    catchup_by_default: Annotated[
        bool,
        Meta(
            description="Whether a DAG that does not say catchup= gets runs for all intervals since its start_date."
        ),
    ] = False
    create_cron_data_intervals: Annotated[
        bool,
        Meta(
            description="Whether a schedule given as a cron expression makes a run for each span between two "
            "ticks, when that is over. false: a run at each tick, as in Airflow 3."
        ),
    ] = True
    create_delta_data_intervals: Annotated[
        bool,
        Meta(description="The same for a schedule given as a timedelta or relativedelta."),
    ] = True


class Operators(Section, frozen=True):
    """Defaults of operators' arguments."""

    default_deferrable: Annotated[
        bool, Meta(description="Default of deferrable= for operators and sensors that support both.")
    ] = False
    poke_holds_slot: Annotated[
        bool,
        Meta(
            description="Whether a sensor in mode poke keeps its worker between looks. false: it gives its slot "
            "back, as in mode reschedule; what it sets on itself is then gone at the next look."
        ),
    ] = True
    execution_timeout_counts: Annotated[
        Literal["total", "work"],
        Meta(
            description="Default of execution_timeout_counts=. total: the limit of a try counts the time in which "
            "it is deferred; work: only its time in workers."
        ),
    ] = "total"
    cancel_timeout_sec: Annotated[
        float,
        Meta(
            ge=0,
            description="Default of cancel_timeout=: how long the cancel of external work is tried, when a "
            "deferred task is cleared, marked, cancelled or timed out.",
        ),
    ] = 600.0
    on_cancel_failure: Annotated[
        Literal["hold", "start"],
        Meta(
            description="Default of on_cancel_failure=. hold: after that time the task's next try waits for "
            "`bide tasks release`; start: it begins all the same."
        ),
    ] = "hold"


class Logging(Section, frozen=True):
    """Logs of tasks and of the engine."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Meta(description="Records below this level are left out."),
    ] = "INFO"
    log_filename_template: Annotated[
        str,
        Meta(
            description="File of one try below the state folder's logs/. Fields: dag_id, task_id, run_id, "
            "execution_date (the run id where the run has no logical date), map_index, attempt."
        ),
    ] = DEFAULT_LOG_TEMPLATE


class Api(Section, frozen=True):
    """The REST API of bide standalone."""

    host: Annotated[
        str, Meta(description="Address to listen on. Others than the loopback are reachable from outside.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8080
    base_url: Annotated[
        str,
        Meta(
            description="URL under which others reach the API, such as https://bide.example.com: callback URLs "
            "begin with it. Not set: host and port where the API listens."
        ),
    ] = ""
    allowed_hosts: Annotated[
        list[str],
        Meta(description="Names, besides localhost and the own address, that a request's Host header may have."),
    ] = []
    token_lifetime_sec: Annotated[float, Meta(gt=0, description="A login token is good for this time.")] = 86400.0


class Smtp(Section, frozen=True):
    """Where mail is handed in, if there is no connection smtp_default. A login needs that connection."""

    smtp_host: Annotated[str, Meta(description="Name or address of the server.")] = "localhost"
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 25
    smtp_starttls: Annotated[bool, Meta(description="Ask for encryption before anything is said.")] = True
    smtp_ssl: Annotated[bool, Meta(description="Encrypted from the start.")] = False
    smtp_mail_from: Annotated[str, Meta(description="Address of the sender, unless a task names another.")] = ""
    smtp_timeout: Annotated[float, Meta(gt=0, description="How long the server may take to answer.")] = 30.0


class Email(Section, frozen=True):
    """Mails to email= of tasks that fail, are tried again or miss their sla=."""

    email_conn_id: Annotated[str, Meta(description="Connection of their mail server.")] = "smtp_default"
    from_email: Annotated[str, Meta(description="Their sender; not set: the one of the mail server.")] = ""
    default_email_on_failure: Annotated[bool, Meta(description="Default of email_on_failure=.")] = True
    default_email_on_retry: Annotated[bool, Meta(description="Default of email_on_retry=.")] = True
    subject_template: Annotated[str, Meta(description="File with a template of their subject.")] = ""
    html_content_template: Annotated[str, Meta(description="File with a template of their text.")] = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All sections."""

    core: Core = Core()
    store: StoreSection = StoreSection()
    secrets: Secrets = Secrets()
    xcom: Xcom = Xcom()
    local_executor: LocalExecutor = LocalExecutor()
    triggerer: Triggerer = Triggerer()
    parsing: Parsing = Parsing()
    scheduler: Scheduler = Scheduler()
    retention: Retention = Retention()
    operators: Operators = Operators()
    logging: Logging = Logging()
    api: Api = Api()
    smtp: Smtp = Smtp()
    email: Email = Email()
