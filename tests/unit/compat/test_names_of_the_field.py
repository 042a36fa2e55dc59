"""Names that Airflow 3.3.2 has moved, and those that its provider packages import: served, or refused in words."""

from __future__ import annotations

import importlib
import json
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from airflow._instead import REPORT
from bide.authoring.context import Context, DagRun, TaskInstance, build_context
from bide.authoring.dag import DAG
from bide.authoring.dotted_names import import_string
from bide.authoring.operator import BaseOperator
from bide.model.provider_errors import RemovalWarning
from bide.standard.configuration import Configuration

#: ``deprecated``: the new path of each "module:name" that has moved, as Airflow says it; ``*`` is all of a module.
#: ``imported``: what provider packages import. ``sdk_and_before``: paths at which they look for one thing, the
#: newest first. ``context`` and ``ti``: what their operators use of these.
NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("airflow_names.json").read_text())

#: What is not served, by the part of the message that says why.
REFUSED = {
    "airflow.api.common.trigger_dag.trigger_dag": "REST API of its own",
    "airflow.auth.managers.models.base_user.BaseUser": "its own API and login",
    "airflow.decorators.base.TaskDecoratorCollection": "airflow.sdk.task is the one object of its kind",
    "airflow.io._BUILTIN_SCHEME_TO_FS": "airflow.sdk.io.get_fs",
    "airflow.models.abstractoperator.DEFAULT_OWNER": "defaults of tasks",
    "airflow.models.abstractoperator.DEFAULT_QUEUE": "defaults of tasks",
    "airflow.models.abstractoperator.DEFAULT_TASK_EXECUTION_TIMEOUT": "defaults of tasks",
    "airflow.models.abstractoperator.NotMapped": "defaults of tasks",
    "airflow.models.abstractoperator.TaskStateChangeCallback": "defaults of tasks",
    "airflow.models.taskinstance.SimpleTaskInstance": "its own executors",
    "airflow.models.taskinstance._CURRENT_CONTEXT": "get_current_context()",
    "airflow.sdk.exceptions.DagRunTriggerException": "TriggerDagRunOperator",
    "airflow.sdk.exceptions.TaskAwaitingInput": "HITLOperator",
    "airflow.sdk.log.configure_logging": "writes the logs of tasks itself",
    "airflow.sdk.log.relative_path_from_logger": "writes the logs of tasks itself",
    "airflow.utils.helpers.build_airflow_dagrun_url": "the REST API's",
    "airflow.utils.helpers.build_airflow_url_with_query": "the REST API's",
    "airflow.operators.smooth.SmoothOperator": "a joke",
    "airflow.secrets.cache.SecretCache": "cached by [secrets]",
    "airflow.sensors.external_task.ExternalDagLink": "BaseOperatorLink",
    "airflow.utils.decorators.fixup_decorator_warning_stack": "by themselves",
    "airflow.utils.decorators.remove_task_decorator": "get_python_source()",
    "airflow.utils.entry_points.*": "importlib.metadata.entry_points",
    "airflow.utils.operator_resources.*": "executor_config",
    "airflow.utils.process_utils.set_component_mp_start_method": "starts its processes itself",
    "airflow.utils.providers_configuration_loader.providers_configuration_loaded": "airflow.configuration.conf",
    "airflow.utils.serve_logs.serve_logs": "by its API",
    "airflow.utils.setup_teardown.BaseSetupTeardownContext": "as_teardown()",
    "airflow.utils.setup_teardown.SetupTeardownContext": "as_teardown()",
    "airflow.utils.state.JobState": "no jobs",
    "airflow.utils.weight_rule.DB_SAFE_MAXIMUM": "priorities of any size",
    "airflow.utils.weight_rule.DB_SAFE_MINIMUM": "priorities of any size",
    "airflow.utils.weight_rule.db_safe_priority": "priorities of any size",
}
#: Modules of which nothing is served that is not somewhere below.
REFUSED_MODULES = {
    "airflow.api_fastapi.": "its own API and login",
    "airflow.cli": "its own commands",
    "airflow.dag_processing.bundles": "reads DAG files by itself",
    "airflow.dag_processing.processor": "reads DAG files by itself",
    "airflow.executors": "its own executors",
    "airflow.jobs": "no jobs",
    "airflow.sdk.execution_time.coordinator": "can't coordinate them",
    "airflow.sdk.execution_time.hitl": "HITLOperator",
    "airflow.sdk.execution_time.supervisor": "dag.test()",
    "airflow.sdk.state": "task_state_store",
    "airflow.sentry": "no errors to Sentry",
    "airflow.serialization.encoders": "in Bide's own form",
    "airflow.serialization.serde": "in Bide's own form",
    "airflow.serialization.serialized_objects.create_scheduler_operator": "in Bide's own form",
    "airflow.utils.cli": "its own commands",
    "airflow.utils.db": "no access to the database",
    "airflow.utils.file": "reads DAG files by itself",
    "airflow.utils.log.": "writes the logs of tasks itself",
}


def refusal(path: str) -> str | None:
    """A part of what an import of `path` says, if it is refused on purpose."""
    by_module = (said for module, said in REFUSED_MODULES.items() if path.startswith(module))
    return REFUSED.get(path) or next(by_module, None)


def imported(module: str, name: str) -> tuple[Any, list[str]]:
    """What a DAG file gets that imports `name`, and what it is told."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found: dict[str, Any] = {}
        exec(compile(f"from {module} import {name} as found", "dag_file.py", "exec"), found)
    assert {(one.category, one.filename) for one in said} <= {(RemovalWarning, "dag_file.py")}
    return found["found"], [str(one.message) for one in said]


def now_at(path: str) -> Any:
    """What is at a path, be it a module or something in one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RemovalWarning)
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError:
            return import_string(path)


@pytest.mark.parametrize("old", NAMES["deprecated"])
def test_a_name_that_airflow_has_moved(old: str) -> None:
    new = NAMES["deprecated"][old]
    module, _, name = old.partition(":")
    why = refusal(f"{module}.{name}")
    if why is not None:
        with pytest.raises(ImportError) as refused:
            imported(module, "anything" if name == "*" else name)
        assert why in str(refused.value) and REPORT not in str(refused.value)
        return
    if name == "*":
        names = [one for one in vars(now_at(new)) if not one.startswith("_")]
        assert names
        for one in names:
            assert imported(module, one)[0] is getattr(now_at(new), one), one
        return
    if new.startswith("airflow.providers.") and not new.startswith("airflow.providers.standard"):
        the_package_of(old, new)
        return
    found, said = imported(module, name)
    if isinstance(found, types.ModuleType):  # nothing is said before a name of it is used
        return
    assert found is now_at(new)
    assert len(said) == 1 and said[0].startswith(f"{module}.{name} has moved: use ")


def the_package_of(old: str, new: str) -> None:
    """What has become part of a provider package is asked for there; mails need none."""
    module, _, name = old.partition(":")
    if name == "EmailOperator":
        assert "has moved: use bide.standard" in imported(module, name)[1][0]
        return
    with pytest.raises(ImportError, match="'bide provider add "):
        imported(module, name)


IMPORTED = [(module, name) for module, names in NAMES["imported"].items() for name in names]


@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_a_name_that_provider_packages_import(module: str, name: str) -> None:
    try:
        imported(module, name)
    except ImportError as error:
        why = refusal(f"{module}.{name}")
        assert why is not None, error
        assert why in str(error) and REPORT not in str(error)
    else:
        assert f"{module}.{name}" not in REFUSED


@pytest.mark.parametrize("name", NAMES["sdk_and_before"])
def test_one_thing_is_one_object_wherever_packages_look_for_it(name: str) -> None:
    found: list[Any] = []
    for path in NAMES["sdk_and_before"][name]:
        try:
            found.append(now_at(path.replace(":", ".").removesuffix(".<module>")))
        except (ImportError, AttributeError) as error:
            assert REPORT not in str(error), path
    if name == "Asset":  # datasets of Airflow 2 are a kind of their own
        assert issubclass(found[1], found[0])
    elif not all(isinstance(one, types.ModuleType) for one in found):
        assert all(one is found[0] for one in found)


@pytest.fixture
def context() -> Context:
    with DAG("d") as dag:
        task = BaseOperator(task_id="t")
    run = DagRun(dag_id="d", run_id="r")
    return build_context(task=task, dag=dag, dag_run=run, task_instance=TaskInstance(task=task, dag_run=run))


def test_what_operators_of_packages_use_of_the_context(context: Context) -> None:
    assert [name for name in NAMES["context"] if name not in context] == []
    assert [name for name in NAMES["ti"] if not hasattr(context["ti"], name)] == []


def test_what_packages_use_of_settings() -> None:
    used = {"get", "get_mandatory_value", "getboolean", "getimport", "getint", "getjson"}
    assert used <= set(dir(Configuration))
