"""Where names of earlier releases are now: by module, the new path of each name."""

from airflow._moved_packages import MOVED_PACKAGES

MOVED: dict[str, dict[str, str]] = {
    "airflow": {
        "Dataset": "airflow.sdk.definitions.asset.Dataset",
    },
    "airflow.configuration": {
        "get": "bide.standard.configuration.get",
        "getboolean": "bide.standard.configuration.getboolean",
        "getfloat": "bide.standard.configuration.getfloat",
        "getint": "bide.standard.configuration.getint",
        "has_option": "bide.standard.configuration.has_option",
    },
    "airflow.datasets": {
        "Dataset": "airflow.sdk.definitions.asset.Dataset",
        "DatasetAlias": "airflow.sdk.AssetAlias",
        "DatasetAll": "airflow.sdk.AssetAll",
        "DatasetAny": "airflow.sdk.AssetAny",
    },
    "airflow.datasets.metadata": {
        "Metadata": "airflow.sdk.Metadata",
    },
    "airflow.decorators": {
        "dag": "airflow.sdk.dag",
        "setup": "airflow.sdk.setup",
        "task": "airflow.sdk.task",
        "task_group": "airflow.sdk.task_group",
        "teardown": "airflow.sdk.teardown",
    },
    "airflow.decorators.base": {
        "DecoratedMappedOperator": "airflow.sdk.bases.decorator.DecoratedMappedOperator",
        "DecoratedOperator": "airflow.sdk.bases.decorator.DecoratedOperator",
        "TaskDecorator": "airflow.sdk.bases.decorator.TaskDecorator",
        "get_unique_task_id": "airflow.sdk.bases.decorator.get_unique_task_id",
        "task_decorator_factory": "airflow.sdk.bases.decorator.task_decorator_factory",
    },
    "airflow.hooks.base": {
        "BaseHook": "airflow.sdk.bases.hook.BaseHook",
    },
    "airflow.hooks.base_hook": {
        "BaseHook": "airflow.sdk.BaseHook",
    },
    "airflow.hooks.filesystem": {
        "FSHook": "airflow.providers.standard.hooks.filesystem.FSHook",
    },
    "airflow.hooks.package_index": {
        "PackageIndexHook": "airflow.providers.standard.hooks.package_index.PackageIndexHook",
    },
    "airflow.hooks.subprocess": {
        "SubprocessHook": "airflow.providers.standard.hooks.subprocess.SubprocessHook",
        "SubprocessResult": "airflow.providers.standard.hooks.subprocess.SubprocessResult",
    },
    "airflow.io": {
        "ObjectStoragePath": "airflow.sdk.ObjectStoragePath",
        "Properties": "airflow.sdk.io.Properties",
        "attach": "airflow.sdk.io.attach",
        "get_fs": "airflow.sdk.io.get_fs",
        "has_fs": "airflow.sdk.io.has_fs",
    },
    "airflow.io.path": {
        "ObjectStoragePath": "airflow.sdk.ObjectStoragePath",
    },
    "airflow.io.storage": {
        "attach": "airflow.sdk.io.attach",
    },
    "airflow.io.typedef": {
        "Properties": "airflow.sdk.io.typedef.Properties",
    },
    "airflow.lineage.hook": {
        "AssetLineageInfo": "airflow.sdk.lineage.AssetLineageInfo",
        "DatasetLineageInfo": "airflow.sdk.lineage.AssetLineageInfo",
        "ExtraLineageInfo": "airflow.sdk.lineage.ExtraLineageInfo",
        "HookLineage": "airflow.sdk.lineage.HookLineage",
        "HookLineageCollector": "airflow.sdk.lineage.HookLineageCollector",
        "HookLineageReader": "airflow.sdk.lineage.HookLineageReader",
        "NoOpCollector": "airflow.sdk.lineage.NoOpCollector",
        "get_hook_lineage_collector": "airflow.sdk.lineage.get_hook_lineage_collector",
    },
    "airflow.macros": {
        "datetime": "airflow.sdk.execution_time.macros.datetime",
        "datetime_diff_for_humans": "airflow.sdk.execution_time.macros.datetime_diff_for_humans",
        "ds_add": "airflow.sdk.execution_time.macros.ds_add",
        "ds_format": "airflow.sdk.execution_time.macros.ds_format",
        "json": "airflow.sdk.execution_time.macros.json",
        "random": "airflow.sdk.execution_time.macros.random",
        "time": "airflow.sdk.execution_time.macros.time",
        "timedelta": "airflow.sdk.execution_time.macros.timedelta",
        "uuid": "airflow.sdk.execution_time.macros.uuid",
    },
    "airflow.models.abstractoperator": {
        "AbstractOperator": "airflow.sdk.definitions._internal.abstractoperator.AbstractOperator",
    },
    "airflow.models.baseoperator": {
        "BaseOperator": "airflow.sdk.bases.operator.BaseOperator",
        "chain": "airflow.sdk.bases.operator.chain",
        "chain_linear": "airflow.sdk.bases.operator.chain_linear",
        "cross_downstream": "airflow.sdk.bases.operator.cross_downstream",
    },
    "airflow.models.baseoperatorlink": {
        "BaseOperatorLink": "airflow.sdk.BaseOperatorLink",
    },
    "airflow.models.dag_param": {
        "DagParam": "airflow.sdk.definitions.param.DagParam",
    },
    "airflow.models.dagparam": {
        "DagParam": "airflow.sdk.definitions.param.DagParam",
    },
    "airflow.models.operator": {
        "BaseOperator": "airflow.sdk.BaseOperator",
        "Operator": "airflow.sdk.types.Operator",
    },
    "airflow.models.param": {
        "Param": "airflow.sdk.Param",
        "ParamsDict": "airflow.sdk.definitions.param.ParamsDict",
    },
    "airflow.models.skipmixin": {
        "SkipMixin": "airflow.sdk.bases.skipmixin.SkipMixin",
    },
    "airflow.notifications.basenotifier": {
        "BaseNotifier": "airflow.sdk.bases.notifier.BaseNotifier",
    },
    "airflow.operators.bash": {
        "BashOperator": "airflow.providers.standard.operators.bash.BashOperator",
    },
    "airflow.operators.bash_operator": {
        "BashOperator": "airflow.providers.standard.operators.bash.BashOperator",
    },
    "airflow.operators.branch": {
        "BaseBranchOperator": "airflow.sdk.bases.branch.BaseBranchOperator",
        "BranchMixIn": "airflow.sdk.bases.branch.BranchMixIn",
    },
    "airflow.operators.branch_operator": {
        "BaseBranchOperator": "airflow.sdk.bases.branch.BaseBranchOperator",
    },
    "airflow.operators.dagrun_operator": {
        "TriggerDagRunOperator": "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator",
    },
    "airflow.operators.datetime": {
        "BranchDateTimeOperator": "airflow.providers.standard.operators.datetime.BranchDateTimeOperator",
    },
    "airflow.operators.dummy": {
        "DummyOperator": "airflow.providers.standard.operators.empty.EmptyOperator",
        "EmptyOperator": "airflow.providers.standard.operators.empty.EmptyOperator",
    },
    "airflow.operators.dummy_operator": {
        "DummyOperator": "airflow.providers.standard.operators.empty.EmptyOperator",
        "EmptyOperator": "airflow.providers.standard.operators.empty.EmptyOperator",
    },
    "airflow.operators.email": {
        "EmailOperator": "bide.standard.operators.email.EmailOperator",
    },
    "airflow.operators.email_operator": {
        "EmailOperator": "bide.standard.operators.email.EmailOperator",
    },
    "airflow.operators.empty": {
        "EmptyOperator": "airflow.providers.standard.operators.empty.EmptyOperator",
    },
    "airflow.operators.latest_only": {
        "LatestOnlyOperator": "airflow.providers.standard.operators.latest_only.LatestOnlyOperator",
    },
    "airflow.operators.latest_only_operator": {
        "LatestOnlyOperator": "airflow.providers.standard.operators.latest_only.LatestOnlyOperator",
    },
    "airflow.operators.python": {
        "BranchExternalPythonOperator": "airflow.providers.standard.operators.python.BranchExternalPythonOperator",
        "BranchPythonOperator": "airflow.providers.standard.operators.python.BranchPythonOperator",
        "BranchPythonVirtualenvOperator": "airflow.providers.standard.operators.python.BranchPythonVirtualenvOperator",
        "ExternalPythonOperator": "airflow.providers.standard.operators.python.ExternalPythonOperator",
        "PythonOperator": "airflow.providers.standard.operators.python.PythonOperator",
        "PythonVirtualenvOperator": "airflow.providers.standard.operators.python.PythonVirtualenvOperator",
        "ShortCircuitOperator": "airflow.providers.standard.operators.python.ShortCircuitOperator",
        "get_current_context": "airflow.sdk.get_current_context",
        "task": "airflow.sdk.task",
    },
    "airflow.operators.python_operator": {
        "BranchPythonOperator": "airflow.providers.standard.operators.python.BranchPythonOperator",
        "PythonOperator": "airflow.providers.standard.operators.python.PythonOperator",
        "PythonVirtualenvOperator": "airflow.providers.standard.operators.python.PythonVirtualenvOperator",
        "ShortCircuitOperator": "airflow.providers.standard.operators.python.ShortCircuitOperator",
    },
    "airflow.operators.sensors": {
        "BaseSensorOperator": "airflow.sdk.BaseSensorOperator",
        "ExternalTaskMarker": "airflow.providers.standard.sensors.external_task.ExternalTaskMarker",
        "ExternalTaskSensor": "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
        "TimeDeltaSensor": "airflow.providers.standard.sensors.time_delta.TimeDeltaSensor",
        "TimeSensor": "airflow.providers.standard.sensors.time.TimeSensor",
    },
    "airflow.operators.trigger_dagrun": {
        "TriggerDagRunOperator": "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator",
    },
    "airflow.operators.weekday": {
        "BranchDayOfWeekOperator": "airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator",
    },
    "airflow.operators.weekday_operator": {
        "BranchDayOfWeekOperator": "airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator",
    },
    "airflow.sensors.base": {
        "BaseSensorOperator": "airflow.sdk.bases.sensor.BaseSensorOperator",
        "PokeReturnValue": "airflow.sdk.bases.sensor.PokeReturnValue",
        "poke_mode_only": "airflow.sdk.bases.sensor.poke_mode_only",
    },
    "airflow.sensors.base_sensor_operator": {
        "BaseSensorOperator": "airflow.sdk.BaseSensorOperator",
    },
    "airflow.sensors.bash": {
        "BashSensor": "airflow.providers.standard.sensors.bash.BashSensor",
    },
    "airflow.sensors.date_time": {
        "DateTimeSensor": "airflow.providers.standard.sensors.date_time.DateTimeSensor",
        "DateTimeSensorAsync": "airflow.providers.standard.sensors.date_time.DateTimeSensorAsync",
    },
    "airflow.sensors.date_time_sensor": {
        "DateTimeSensor": "airflow.providers.standard.sensors.date_time.DateTimeSensor",
    },
    "airflow.sensors.external_task": {
        "ExternalTaskMarker": "airflow.providers.standard.sensors.external_task.ExternalTaskMarker",
        "ExternalTaskSensor": "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
    },
    "airflow.sensors.external_task_sensor": {
        "ExternalTaskMarker": "airflow.providers.standard.sensors.external_task.ExternalTaskMarker",
        "ExternalTaskSensor": "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
    },
    "airflow.sensors.filesystem": {
        "FileSensor": "airflow.providers.standard.sensors.filesystem.FileSensor",
    },
    "airflow.sensors.python": {
        "PythonSensor": "airflow.providers.standard.sensors.python.PythonSensor",
    },
    "airflow.sensors.time_delta": {
        "TimeDeltaSensor": "airflow.providers.standard.sensors.time_delta.TimeDeltaSensor",
        "TimeDeltaSensorAsync": "airflow.providers.standard.sensors.time_delta.TimeDeltaSensorAsync",
    },
    "airflow.sensors.time_delta_sensor": {
        "TimeDeltaSensor": "airflow.providers.standard.sensors.time_delta.TimeDeltaSensor",
    },
    "airflow.sensors.time_sensor": {
        "TimeSensor": "airflow.providers.standard.sensors.time.TimeSensor",
        "TimeSensorAsync": "airflow.providers.standard.sensors.time.TimeSensorAsync",
    },
    "airflow.sensors.weekday": {
        "DayOfWeekSensor": "airflow.providers.standard.sensors.weekday.DayOfWeekSensor",
    },
    "airflow.sensors.weekday_sensor": {
        "DayOfWeekSensor": "airflow.providers.standard.sensors.weekday.DayOfWeekSensor",
    },
    "airflow.stats": {
        "Stats": "airflow.sdk.observability.stats.Stats",
    },
    "airflow.timetables.datasets": {
        "DatasetOrTimeSchedule": "airflow.timetables.assets.AssetOrTimeSchedule",
    },
    "airflow.timetables.simple": {
        "DatasetTriggeredTimetable": "airflow.timetables.simple.AssetTriggeredTimetable",
    },
    "airflow.triggers.external_task": {
        "DagStateTrigger": "airflow.providers.standard.triggers.external_task.DagStateTrigger",
        "WorkflowTrigger": "airflow.providers.standard.triggers.external_task.WorkflowTrigger",
    },
    "airflow.triggers.file": {
        "FileTrigger": "airflow.providers.standard.triggers.file.FileTrigger",
    },
    "airflow.triggers.temporal": {
        "DateTimeTrigger": "airflow.providers.standard.triggers.temporal.DateTimeTrigger",
        "TimeDeltaTrigger": "airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
    },
    "airflow.utils.context": {
        "Context": "airflow.sdk.definitions.context.Context",
        "KNOWN_CONTEXT_KEYS": "airflow.sdk.definitions.context.KNOWN_CONTEXT_KEYS",
        "context_copy_partial": "airflow.sdk.definitions.context.context_copy_partial",
        "context_merge": "airflow.sdk.definitions.context.context_merge",
    },
    "airflow.utils.dag_cycle_tester": {
        "test_cycle": "airflow.utils.dag_cycle_tester.check_cycle",
    },
    "airflow.utils.dag_parsing_context": {
        "get_parsing_context": "airflow.sdk.get_parsing_context",
    },
    "airflow.utils.dates": {
        "days_ago": "bide.standard.timezone.days_ago",
    },
    "airflow.utils.edgemodifier": {
        "EdgeModifier": "airflow.sdk.EdgeModifier",
        "Label": "airflow.sdk.Label",
    },
    "airflow.utils.helpers": {
        "render_template": "airflow.sdk.definitions.context.render_template",
        "render_template_as_native": "airflow.sdk.definitions.context.render_template_as_native",
        "render_template_to_string": "airflow.sdk.definitions.context.render_template_to_string",
    },
    "airflow.utils.log.secrets_masker": {
        "SecretsMasker": "airflow.sdk.execution_time.secrets_masker.SecretsMasker",
        "mask_secret": "airflow.sdk.execution_time.secrets_masker.mask_secret",
        "redact": "airflow.sdk.execution_time.secrets_masker.redact",
        "should_hide_value_for_key": "airflow.sdk.execution_time.secrets_masker.should_hide_value_for_key",
    },
    "airflow.utils.operator_helpers": {
        "KeywordParameters": "airflow.sdk.bases.decorator.KeywordParameters",
        "determine_kwargs": "airflow.sdk.bases.decorator.determine_kwargs",
    },
    "airflow.utils.python_virtualenv": {
        "prepare_virtualenv": "airflow.providers.standard.utils.python_virtualenv.prepare_virtualenv",
        "write_python_script": "airflow.providers.standard.utils.python_virtualenv.write_python_script",
    },
    "airflow.utils.task_group": {
        "TaskGroup": "airflow.sdk.TaskGroup",
    },
    "airflow.utils.template": {
        "literal": "airflow.sdk.definitions.template.literal",
    },
    "airflow.utils.timeout": {
        "timeout": "airflow.sdk.execution_time.timeout.timeout",
    },
    "airflow.utils.timezone": {
        "coerce_datetime": "airflow.sdk.timezone.coerce_datetime",
        "convert_to_utc": "airflow.sdk.timezone.convert_to_utc",
        "datetime": "airflow.sdk.timezone.datetime",
        "from_timestamp": "airflow.sdk.timezone.from_timestamp",
        "is_localized": "airflow.sdk.timezone.is_localized",
        "is_naive": "airflow.sdk.timezone.is_naive",
        "local_timezone": "airflow.sdk.timezone.local_timezone",
        "make_aware": "airflow.sdk.timezone.make_aware",
        "make_naive": "airflow.sdk.timezone.make_naive",
        "parse": "airflow.sdk.timezone.parse",
        "parse_timezone": "airflow.sdk.timezone.parse_timezone",
        "utc": "airflow.sdk.timezone.utc",
        "utc_epoch": "airflow.sdk.timezone.utc_epoch",
        "utcnow": "airflow.sdk.timezone.utcnow",
    },
    "airflow.utils.trigger_rule": {
        "TriggerRule": "airflow.sdk.TriggerRule",
    },
    "airflow.utils.types": {
        "ArgNotSet": "airflow.sdk.definitions._internal.types.ArgNotSet",
        "NOTSET": "airflow.sdk.definitions._internal.types.NOTSET",
    },
    "airflow.utils.weight_rule": {
        "WeightRule": "airflow.task.weight_rule.WeightRule",
    },
    "airflow.utils.xcom": {
        "XCOM_RETURN_KEY": "airflow.models.xcom.XCOM_RETURN_KEY",
    },
    **MOVED_PACKAGES,
}
