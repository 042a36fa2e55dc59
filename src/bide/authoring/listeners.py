"""Listeners: functions of plugins that are called when tasks and runs begin and end.

A listener is a module or an object with functions named as the hooks below, each marked with :data:`hookimpl`. A
function names those of the hook's arguments that it wants. They are called in the process that runs the task, or
one like it, after the state is durable; what they raise is logged and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bide.authoring.instance import DagRun, TaskInstance

_PROJECT = "bide"
hookspec = pluggy.HookspecMarker(_PROJECT)
#: Marks a function of a listener as an implementation of the hook of its name.
hookimpl = pluggy.HookimplMarker(_PROJECT)


class Hooks:
    """What listeners can implement. `session` is always None: user code has no way to the database."""

    @hookspec
    def on_task_instance_running(self, previous_state: str, task_instance: TaskInstance, session: None) -> None:
        """A worker begins to run a task, or goes on with it after a wait."""

    @hookspec
    def on_task_instance_success(self, previous_state: str, task_instance: TaskInstance, session: None) -> None:
        """A task has succeeded."""

    @hookspec
    def on_task_instance_failed(
        self, previous_state: str, task_instance: TaskInstance, error: BaseException | str | None, session: None
    ) -> None:
        """A try has failed, with others to follow or not: ``task_instance.state`` tells."""

    @hookspec
    def on_task_instance_skipped(self, previous_state: str, task_instance: TaskInstance, session: None) -> None:
        """A task has said that it skips, or its failed wait did."""

    @hookspec
    def on_dag_run_running(self, dag_run: DagRun, msg: str) -> None:
        """A run has started."""

    @hookspec
    def on_dag_run_success(self, dag_run: DagRun, msg: str) -> None:
        """A run has succeeded."""

    @hookspec
    def on_dag_run_failed(self, dag_run: DagRun, msg: str) -> None:
        """A run has failed; `msg` says why where that is not plain from its tasks."""


class Listeners:
    """The listeners of this process."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(_PROJECT)
        self._manager.add_hookspecs(Hooks)

    def add(self, listener: object) -> None:
        """Take in a module or an object; :class:`pluggy.PluginValidationError` for wrong arguments of a hook."""
        if not self._manager.is_registered(listener):
            self._manager.register(listener)
            try:
                self._manager.check_pending()
            except pluggy.PluginValidationError:
                self._manager.unregister(listener)
                raise

    def implemented(self) -> list[str]:
        """Names of the hooks that some listener implements."""
        names = [name for name in vars(Hooks) if name.startswith("on_")]
        return sorted(name for name in names if self.of(name))

    def of(self, hook: str) -> list[Any]:
        """The implementations of a hook, in the order in which they are called."""
        return list(reversed(getattr(self._manager.hook, hook).get_hookimpls()))
