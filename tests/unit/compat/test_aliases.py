"""Each of Airflow's names is Bide's own object, the same one under all its paths."""

import datetime as dt
import importlib
import pkgutil
import types

import pytest

import airflow
from bide.authoring.dag import DAG
from bide.model.trigger_rules import TRIGGER_RULES

# Old paths are here, too; test_moved_names.py is about what they say.
pytestmark = pytest.mark.filterwarnings("ignore::bide.model.provider_errors.RemovalWarning")

#: What DAG files and operators of the field import, and the object that they get.
NAMES = [
    ("airflow", "DAG", "bide.authoring.dag:DAG"),
    ("airflow", "Asset", "bide.authoring.assets:Asset"),
    ("airflow", "Dataset", "bide.authoring.assets:Dataset"),
    ("airflow", "XComArg", "bide.authoring.xcom_arg:XComArg"),
    ("airflow.configuration", "conf", "bide.standard.configuration:conf"),
    ("airflow.decorators", "dag", "bide.authoring.dag_decorator:dag"),
    ("airflow.decorators", "task", "bide.authoring.taskflow:task"),
    ("airflow.decorators", "task_group", "bide.authoring.group:task_group"),
    ("airflow.exceptions", "AirflowException", "bide.model.errors:BideError"),
    ("airflow.exceptions", "AirflowFailException", "bide.model.errors:TaskFailure"),
    ("airflow.exceptions", "AirflowSensorTimeout", "bide.model.errors:SensorTimeout"),
    ("airflow.exceptions", "AirflowSkipException", "bide.model.errors:TaskSkipped"),
    ("airflow.exceptions", "TaskDeferred", "bide.authoring.deferral:TaskDeferred"),
    ("airflow.notifications.basenotifier", "BaseNotifier", "bide.authoring.notifier:BaseNotifier"),
    ("airflow.lineage.hook", "DatasetLineageInfo", "bide.standard.lineage:AssetLineageInfo"),
    ("airflow.macros", "ds_add", "bide.authoring.macros:ds_add"),
    ("airflow.providers.standard.hooks.filesystem", "FSHook", "bide.standard.hooks.filesystem:FSHook"),
    ("airflow.sdk", "Metadata", "bide.authoring.asset_events:Metadata"),
    ("airflow.sdk", "ObjectStoragePath", "bide.standard.object_storage:ObjectStoragePath"),
    ("airflow.sdk.lineage", "HookLineageReader", "bide.standard.lineage:HookLineageReader"),
    ("airflow.stats", "Stats", "bide.standard.stats:Stats"),
    ("airflow.utils.email", "build_mime_message", "bide.standard.mail:build_mime_message"),
    ("airflow.sdk", "ExceptionRetryPolicy", "bide.authoring.retry_policy:ExceptionRetryPolicy"),
    ("airflow.sdk.bases.notifier", "BaseNotifier", "bide.authoring.notifier:BaseNotifier"),
    ("airflow.sdk.definitions.retry_policy", "RetryRule", "bide.authoring.retry_policy:RetryRule"),
    ("airflow.task.priority_strategy", "PriorityWeightStrategy", "bide.authoring.priority:PriorityWeightStrategy"),
    ("airflow.sdk.definitions.deadline", "AsyncCallback", "bide.authoring.deadlines:AsyncCallback"),
    ("airflow.sdk.definitions.deadline", "deadline_reference", "bide.authoring.deadlines:deadline_reference"),
    ("airflow.utils.dates", "days_ago", "bide.standard.timezone:days_ago"),
    ("airflow.utils.email", "send_email", "bide.standard.mail:send_email"),
    ("airflow.utils.weight_rule", "WeightRule", "bide.authoring.priority:WeightRule"),
    ("airflow.models", "BaseOperator", "bide.authoring.operator:BaseOperator"),
    ("airflow.dag_processing.dagbag", "DagBag", "bide.testing.dag_bag:DagBag"),
    ("airflow.models", "DagBag", "bide.testing.dag_bag:DagBag"),
    ("airflow.models.dagbag", "DagBag", "bide.testing.dag_bag:DagBag"),
    ("airflow.sdk", "get_parsing_context", "bide.authoring.parsing_context:get_parsing_context"),
    (
        "airflow.utils.dag_parsing_context",
        "get_parsing_context",
        "bide.authoring.parsing_context:get_parsing_context",
    ),
    ("airflow.models", "DAG", "bide.authoring.dag:DAG"),
    ("airflow.models.baseoperator", "BaseOperator", "bide.authoring.operator:BaseOperator"),
    ("airflow.models.baseoperator", "chain", "bide.authoring.dependencies:chain"),
    ("airflow.models.trigger", "TriggerFailureReason", "bide.model.failed_waits:TriggerFailureReason"),
    ("airflow.models.param", "Param", "bide.authoring.params:Param"),
    ("airflow.operators.bash", "BashOperator", "bide.standard.operators.bash:BashOperator"),
    ("airflow.operators.empty", "EmptyOperator", "bide.standard.operators.empty:EmptyOperator"),
    ("airflow.operators.python", "task", "bide.authoring.taskflow:task"),
    ("airflow.operators.python", "is_venv_installed", "bide.standard.operators.virtualenv:is_venv_installed"),
    ("airflow.sdk", "AssetAccessControl", "bide.authoring.assets:AssetAccessControl"),
    ("airflow.sdk", "TaskInstance", "bide.authoring.instance:TaskInstance"),
    ("airflow.sdk.execution_time.context", "NEVER_EXPIRE", "bide.authoring.task_state:NEVER_EXPIRE"),
    ("airflow.operators.python", "PythonOperator", "bide.authoring.python:PythonOperator"),
    ("airflow.operators.python", "get_current_context", "bide.authoring.context:get_current_context"),
    ("airflow.providers.standard.operators.bash", "BashOperator", "bide.standard.operators.bash:BashOperator"),
    ("airflow.providers.standard.operators.empty", "EmptyOperator", "bide.standard.operators.empty:EmptyOperator"),
    ("airflow.providers.standard.operators.python", "PythonOperator", "bide.authoring.python:PythonOperator"),
    ("airflow.providers.standard.sensors.date_time", "DateTimeSensor", "bide.standard.sensors.time:DateTimeSensor"),
    ("airflow.providers.standard.sensors.filesystem", "FileSensor", "bide.standard.sensors.file:FileSensor"),
    ("airflow.providers.standard.sensors.time", "TimeSensor", "bide.standard.sensors.time:TimeSensor"),
    (
        "airflow.providers.standard.sensors.time_delta",
        "TimeDeltaSensor",
        "bide.standard.sensors.time:TimeDeltaSensor",
    ),
    ("airflow.providers.standard.sensors.time_delta", "WaitSensor", "bide.standard.sensors.time:WaitSensor"),
    ("airflow.sensors.time_delta", "TimeDeltaSensorAsync", "bide.standard.sensors.time:TimeDeltaSensorAsync"),
    ("airflow.sensors.time_sensor", "TimeSensorAsync", "bide.standard.sensors.time:TimeSensorAsync"),
    ("airflow.sensors.date_time", "DateTimeSensorAsync", "bide.standard.sensors.time:DateTimeSensorAsync"),
    ("airflow.providers.standard.triggers.file", "FileTrigger", "bide.standard.triggers.file:FileTrigger"),
    (
        "airflow.providers.standard.triggers.temporal",
        "DateTimeTrigger",
        "bide.standard.triggers.temporal:DateTimeTrigger",
    ),
    (
        "airflow.providers.standard.triggers.temporal",
        "TimeDeltaTrigger",
        "bide.standard.triggers.temporal:TimeDeltaTrigger",
    ),
    ("airflow.operators.branch", "BaseBranchOperator", "bide.authoring.branch:BaseBranchOperator"),
    ("airflow.operators.python", "BranchPythonOperator", "bide.standard.operators.branch:BranchPythonOperator"),
    (
        "airflow.providers.standard.operators.python",
        "ShortCircuitOperator",
        "bide.standard.operators.branch:ShortCircuitOperator",
    ),
    ("airflow.sdk.bases.skipmixin", "SkipMixin", "bide.authoring.skipping:SkipMixin"),
    ("airflow.sdk.bases.branch", "BranchMixIn", "bide.authoring.skipping:BranchMixin"),
    (
        "airflow.operators.trigger_dagrun",
        "TriggerDagRunOperator",
        "bide.standard.operators.trigger_dagrun:TriggerDagRunOperator",
    ),
    (
        "airflow.providers.standard.sensors.external_task",
        "ExternalTaskSensor",
        "bide.standard.sensors.external_task:ExternalTaskSensor",
    ),
    (
        "airflow.sensors.external_task",
        "ExternalTaskMarker",
        "bide.standard.sensors.external_task:ExternalTaskMarker",
    ),
    (
        "airflow.operators.datetime",
        "BranchDateTimeOperator",
        "bide.standard.operators.branch_by_time:BranchDateTimeOperator",
    ),
    (
        "airflow.operators.latest_only",
        "LatestOnlyOperator",
        "bide.standard.operators.latest_only:LatestOnlyOperator",
    ),
    (
        "airflow.operators.python",
        "ExternalPythonOperator",
        "bide.standard.operators.external_python:ExternalPythonOperator",
    ),
    (
        "airflow.operators.python",
        "PythonVirtualenvOperator",
        "bide.standard.operators.virtualenv:PythonVirtualenvOperator",
    ),
    ("airflow.sensors.bash", "BashSensor", "bide.standard.sensors.bash:BashSensor"),
    ("airflow.sensors.python", "PythonSensor", "bide.standard.sensors.python:PythonSensor"),
    ("airflow.sensors.weekday", "DayOfWeekSensor", "bide.standard.sensors.weekday:DayOfWeekSensor"),
    ("airflow.utils.weekday", "WeekDay", "bide.standard.weekdays:WeekDay"),
    ("airflow.sdk", "BaseOperator", "bide.authoring.operator:BaseOperator"),
    ("airflow.sdk", "BaseSensorOperator", "bide.authoring.sensor:BaseSensorOperator"),
    ("airflow.sdk", "DAG", "bide.authoring.dag:DAG"),
    ("airflow.configuration", "AIRFLOW_HOME", "bide.standard.local_settings:AIRFLOW_HOME"),
    ("airflow.models.dag", "DagContext", "bide.standard.dag_questions:DagContext"),
    ("airflow.models.dag", "get_last_dagrun", "bide.standard.dag_questions:get_last_dagrun"),
    ("airflow.operators.trigger_dagrun", "XCOM_RUN_ID", "bide.standard.operators.trigger_dagrun:XCOM_RUN_ID"),
    (
        "airflow.providers.standard.triggers.file",
        "DirectoryFileDeleteTrigger",
        "bide.standard.triggers.file:DirectoryFileDeleteTrigger",
    ),
    ("airflow.sdk.bases.timetable", "BaseTimetable", "bide.authoring.timetable:Timetable"),
    ("airflow.sdk.definitions.context", "AirflowParsingContext", "bide.authoring.parsing_context:ParsingContext"),
    ("airflow.utils.dag_cycle_tester", "check_cycle", "bide.standard.dag_questions:check_cycle"),
    ("airflow.utils.email", "get_email_address_list", "bide.standard.mail:addresses"),
    ("airflow.utils.email", "send_email_smtp", "bide.standard.mail:send_email"),
    ("airflow.sdk", "Param", "bide.authoring.params:Param"),
    ("airflow.sdk", "ResumableJobMixin", "bide.authoring.resumable_job:ResumableJobMixin"),
    ("airflow.sdk", "TaskGroup", "bide.authoring.group:TaskGroup"),
    ("airflow.sdk", "chain", "bide.authoring.dependencies:chain"),
    ("airflow.sdk", "dag", "bide.authoring.dag_decorator:dag"),
    ("airflow.sdk", "get_current_context", "bide.authoring.context:get_current_context"),
    ("airflow.sdk", "task", "bide.authoring.taskflow:task"),
    ("airflow.sensors.base", "BaseSensorOperator", "bide.authoring.sensor:BaseSensorOperator"),
    ("airflow.sensors.base", "PokeReturnValue", "bide.authoring.sensor:PokeReturnValue"),
    ("airflow.sensors.date_time", "DateTimeSensorAsync", "bide.standard.sensors.time:DateTimeSensorAsync"),
    ("airflow.sensors.filesystem", "FileSensor", "bide.standard.sensors.file:FileSensor"),
    ("airflow.sensors.time_delta", "TimeDeltaSensorAsync", "bide.standard.sensors.time:TimeDeltaSensorAsync"),
    ("airflow.sensors.time_sensor", "TimeSensorAsync", "bide.standard.sensors.time:TimeSensorAsync"),
    ("airflow.sdk", "CronTriggerTimetable", "bide.authoring.timetables:CronTriggerTimetable"),
    ("airflow.timetables.base", "DagRunInfo", "bide.authoring.timetable:DagRunInfo"),
    ("airflow.timetables.base", "DataInterval", "bide.authoring.timetable:DataInterval"),
    ("airflow.timetables.base", "TimeRestriction", "bide.authoring.timetable:TimeRestriction"),
    ("airflow.timetables.base", "Timetable", "bide.authoring.timetable:Timetable"),
    (
        "airflow.timetables.interval",
        "CronDataIntervalTimetable",
        "bide.authoring.timetables:CronDataIntervalTimetable",
    ),
    (
        "airflow.timetables.interval",
        "DeltaDataIntervalTimetable",
        "bide.authoring.timetables:DeltaDataIntervalTimetable",
    ),
    ("airflow.timetables.trigger", "CronTriggerTimetable", "bide.authoring.timetables:CronTriggerTimetable"),
    (
        "airflow.timetables.trigger",
        "MultipleCronTriggerTimetable",
        "bide.authoring.timetables:MultipleCronTriggerTimetable",
    ),
    ("airflow.timetables.events", "EventsTimetable", "bide.authoring.timetables:EventsTimetable"),
    ("airflow.timetables.simple", "OnceTimetable", "bide.authoring.timetables:OnceTimetable"),
    ("airflow.sdk", "AsyncCallback", "bide.authoring.deadlines:AsyncCallback"),
    ("airflow.sdk", "DeadlineAlert", "bide.authoring.deadlines:DeadlineAlert"),
    ("airflow.sdk", "DeadlineReference", "bide.authoring.deadlines:DeadlineReference"),
    ("airflow.sdk", "SyncCallback", "bide.authoring.deadlines:SyncCallback"),
    ("airflow.sdk.definitions.deadline", "DeadlineAlert", "bide.authoring.deadlines:DeadlineAlert"),
    ("airflow.sdk.definitions.callback", "AsyncCallback", "bide.authoring.deadlines:AsyncCallback"),
    ("airflow.triggers.base", "BaseTrigger", "bide.authoring.trigger:BaseTrigger"),
    ("airflow.triggers.base", "StartTriggerArgs", "bide.authoring.start_trigger:StartTriggerArgs"),
    ("airflow.triggers.base", "TaskFailedEvent", "bide.authoring.trigger:TaskFailedEvent"),
    ("airflow.triggers.base", "TaskFailureEvent", "bide.authoring.trigger:TaskFailedEvent"),
    ("airflow.triggers.base", "TaskSkippedEvent", "bide.authoring.trigger:TaskSkippedEvent"),
    ("airflow.triggers.base", "TaskSuccessEvent", "bide.authoring.trigger:TaskSuccessEvent"),
    ("airflow.triggers.base", "TriggerEvent", "bide.authoring.trigger:TriggerEvent"),
    ("airflow.triggers.temporal", "DateTimeTrigger", "bide.standard.triggers.temporal:DateTimeTrigger"),
    ("airflow.triggers.temporal", "TimeDeltaTrigger", "bide.standard.triggers.temporal:TimeDeltaTrigger"),
    ("airflow.sdk", "BaseOperatorLink", "bide.authoring.links:BaseOperatorLink"),
    ("airflow.sdk.bases.decorator", "DecoratedOperator", "bide.authoring.taskflow:DecoratedOperator"),
    ("airflow.sdk.bases.operator", "BaseAsyncOperator", "bide.authoring.async_operator:BaseAsyncOperator"),
    ("airflow.sdk.configuration", "conf", "bide.standard.configuration:conf"),
    ("airflow.sdk.exceptions", "ParamValidationError", "bide.model.errors:InvalidArgument"),
    ("airflow.providers_manager", "ProvidersManager", "bide.authoring.providers:ProvidersManager"),
    ("airflow.triggers.base", "BaseEventTrigger", "bide.authoring.event_trigger:BaseEventTrigger"),
    ("airflow.utils.helpers", "prune_dict", "bide.standard.arguments:prune_dict"),
    ("airflow.utils.log.logging_mixin", "LoggingMixin", "bide.authoring.logged:LoggingMixin"),
    ("airflow.utils.state", "State", "bide.authoring.states:State"),
    ("airflow.utils.types", "DagRunType", "bide.model.run_types:RunType"),
    ("airflow.utils.types", "NOTSET", "bide.authoring.not_given:NOTSET"),
    ("airflow.utils.context", "Context", "bide.authoring.context:Context"),
    ("airflow.utils.decorators", "apply_defaults", "bide.authoring.operator:apply_defaults"),
    ("airflow.utils.task_group", "TaskGroup", "bide.authoring.group:TaskGroup"),
    ("airflow.utils.timezone", "utcnow", "bide.standard.timezone:utcnow"),
    ("airflow.utils.trigger_rule", "TriggerRule", "bide.authoring.trigger_rule:TriggerRule"),
]

MODULES = [found.name for found in pkgutil.walk_packages(airflow.__path__, "airflow.")]


@pytest.mark.parametrize(("module", "name", "origin"), NAMES)
def test_a_name_is_the_object(module, name, origin):
    home, _, own_name = origin.partition(":")
    assert getattr(importlib.import_module(module), name) is getattr(importlib.import_module(home), own_name)


def aliases():
    for module in MODULES:
        for name, value in vars(importlib.import_module(module)).items():
            if not name.startswith("_") and not isinstance(value, types.ModuleType):
                yield module, name, value


def test_the_alias_modules_define_nothing():
    own = [
        f"{module}.{name}"
        for module, name, value in aliases()
        if (getattr(value, "__module__", None) or "bide").startswith("airflow") and module != "airflow._conflicts"
    ]
    assert own == []


def test_one_name_is_one_object_in_all_modules():
    first: dict[str, object] = {}
    for module, name, value in aliases():
        # The datetime of templates is the class, that of airflow.utils.timezone a function.
        if module != "airflow._conflicts" and name not in ("extend_path", "datetime"):
            assert first.setdefault(name, value) is value, name


def test_a_class_path_as_triggers_serialise_it_leads_to_our_class():
    # A trigger of the documents names Airflow's class from another one's serialize().
    path = "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(moment=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert trigger.serialize()[0] == "bide.standard.triggers.temporal.DateTimeTrigger"


def test_every_trigger_rule_has_a_name():
    from airflow.utils.trigger_rule import TriggerRule

    unnamed = {"dummy", "none_failed_or_skipped"}  # names of old, which Airflow's class does not have either
    assert set(TRIGGER_RULES) - unnamed <= set(TriggerRule)


def test_a_file_written_for_airflow_makes_a_dag():
    code = """
from datetime import datetime, timedelta
from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.configuration import conf
from airflow.exceptions import AirflowException, AirflowSkipException, TaskDeferred
from airflow.sensors.base import BaseSensorOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.utils.trigger_rule import TriggerRule

class WaitOneHourSensor(BaseSensorOperator):
    def __init__(self, deferrable=conf.getboolean("operators", "default_deferrable", fallback=False), **kwargs):
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def poke(self, context):
        return True

    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(hours=1)), method_name="execute_complete")

    def execute_complete(self, context, event=None):
        return

with DAG("etl", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False, tags=["x"]) as dag:
    extract = PythonOperator(task_id="extract", python_callable=print)
    transform = BashOperator(task_id="transform", bash_command="echo transforming")
    wait = WaitOneHourSensor(task_id="wait", trigger_rule=TriggerRule.ALL_DONE)
    extract >> transform >> wait
"""
    names: dict[str, object] = {"__name__": "dag_file"}
    exec(compile(code, "dag_file.py", "exec"), names)
    dag = names["dag"]
    assert isinstance(dag, DAG)
    assert dag.get_task("wait").trigger_rule == "all_done"
    with pytest.raises(names["TaskDeferred"]):
        dag.get_task("wait").execute({})
    assert issubclass(names["AirflowSkipException"], names["AirflowException"])
