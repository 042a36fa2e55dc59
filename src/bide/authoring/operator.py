"""The base of all operators."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, cast

from bide.authoring.callback_url import callback_url
from bide.authoring.callbacks import Callbacks, as_callbacks, wants_mail
from bide.authoring.construction import CONTAINERS, OperatorType, copy_containers, filling_defaults
from bide.authoring.dag_member import DagMember
from bide.authoring.deferral import TaskDeferred, check_resume_method, resume_arguments
from bide.authoring.moments import as_moment
from bide.authoring.older_names import rule_named, warn_of_older
from bide.authoring.operator_checks import check_operator
from bide.authoring.params import ParamsDict
from bide.authoring.rendering import Rendering
from bide.authoring.scope import current_group
from bide.authoring.start_trigger import own_copy, trigger_arguments
from bide.authoring.trigger import BaseTrigger
from bide.authoring.xcom_arg import XComArg, xcom_args_in
from bide.model.errors import DeferralTimeout, InvalidArgument, TriggerFailure
from bide.model.failed_waits import RESUME_WITH_ERROR, TriggerFailureReason
from bide.model.ids import check_id

if TYPE_CHECKING:
    import logging

    from bide.authoring.context import Context
    from bide.authoring.dag import DAG
    from bide.authoring.group import TaskGroup
    from bide.authoring.mapping import OperatorPartial
    from bide.authoring.policies import Placement
    from bide.authoring.retry_policy import RetryPolicy
    from bide.model.dag_spec import MarkerSpec


class BaseOperator(Rendering, DagMember, metaclass=OperatorType):
    """A task of a DAG: subclass it and write :meth:`execute`.

    Arguments that a subclass's ``__init__`` does not name itself are passed on here; unknown ones are refused.
    Those left out are taken from ``default_args`` of the DAG and of the groups around.

    Spans (`retry_delay`, `cancel_timeout`, ...) are timedeltas or seconds. `execution_timeout` limits a try, with
    what it waits while it is deferred, or without if `execution_timeout_counts` is ``"work"``. When a deferred task
    is ended by force, the cancel of its work outside is tried for `cancel_timeout`; after that the next try is held
    or starts, as `on_cancel_failure` says. Defaults are settings of the section ``[operators]``.
    """

    #: Attributes that templates may fill; rendered before :meth:`execute`.
    template_fields: Collection[str] = ()
    #: Endings of values that are names of template files, like ``".sql"``.
    template_ext: Sequence[str] = ()
    template_fields_renderers: dict[str, str] = {}
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    operator_extra_links: Collection[Any] = ()
    shallow_copy_attrs: Sequence[str] = ()
    #: Each instance has its own copy, since authors change it on ``self``.
    start_trigger_args: Any = None
    start_from_trigger: bool = False
    #: Attributes that are there again when the task goes on after a wait: their names, or True for all that its
    #: code has set or changed. By default a task goes on with nothing but the arguments of ``defer(kwargs=)``.
    kept_attributes: bool | Collection[str] = ()
    #: A failed wait or sensor ends as skipped.
    soft_fail: bool = False
    #: Ids of tasks downstream that are skipped when it succeeds: see :class:`~bide.authoring.skipping.SkipMixin`.
    skipped_downstream: frozenset[str] = frozenset()
    is_setup: bool = False
    is_teardown: bool = False
    #: Of a teardown: whether its failure fails the run.
    on_failure_fail_dagrun: bool = False
    inherits_from_empty_operator: ClassVar[bool] = False

    #: The weight with all that the weight rule adds, where a policy has set it.
    total_weight: int | None = None
    #: What the author wanted, where a policy has changed it.
    placed: Placement | None = None

    _ready: bool = False
    #: Whether it takes its place in the order of its DAG: one made for an instance of a mapped task does not.
    _links_tasks: bool = True
    #: Results in its fields, in which no templates are filled.
    _results: Sequence[Any] = ()
    _defaults: dict[str, Any] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = filling_defaults(cls.__init__)
        if isinstance(cls.template_fields, str):
            field: str = cls.template_fields
            raise InvalidArgument(f"{cls.__name__}.template_fields is a string; write ({field!r},) for one field")

    @filling_defaults
    def __init__(
        self,
        task_id: str,
        owner: str = "airflow",
        email: str | Iterable[str] | None = None,
        email_on_retry: bool | None = None,
        email_on_failure: bool | None = None,
        retries: int | None = 0,
        retry_delay: dt.timedelta | float = dt.timedelta(seconds=300),
        retry_exponential_backoff: bool | float = False,
        max_retry_delay: dt.timedelta | float | None = None,
        retry_policy: RetryPolicy | None = None,
        start_date: dt.datetime | str | None = None,
        end_date: dt.datetime | str | None = None,
        depends_on_past: bool = False,
        ignore_first_depends_on_past: bool = True,
        wait_for_past_depends_before_skipping: bool = False,
        wait_for_downstream: bool = False,
        dag: DAG | None = None,
        params: dict[str, Any] | None = None,
        default_args: dict[str, Any] | None = None,
        priority_weight: int = 1,
        weight_rule: Any = "downstream",
        queue: str = "default",
        trigger_queue: str | None = None,
        pool: str | None = None,
        pool_slots: int = 1,
        sla: dt.timedelta | None = None,
        execution_timeout: dt.timedelta | float | None = None,
        execution_timeout_counts: Literal["total", "work"] | None = None,
        cancel_timeout: dt.timedelta | float | None = None,
        on_cancel_failure: Literal["hold", "start"] | None = None,
        on_execute_callback: Callbacks = None,
        on_failure_callback: Callbacks = None,
        on_success_callback: Callbacks = None,
        on_retry_callback: Callbacks = None,
        on_skipped_callback: Callbacks = None,
        pre_execute: Callable[[Any], None] | None = None,
        post_execute: Callable[[Any, Any], None] | None = None,
        trigger_rule: str = "all_success",
        resources: dict[str, Any] | None = None,
        run_as_user: str | None = None,
        map_index_template: str | None = None,
        task_concurrency: int | None = None,
        max_active_tis_per_dag: int | None = None,
        max_active_tis_per_dagrun: int | None = None,
        executor: str | None = None,
        executor_config: dict[str, Any] | None = None,
        do_xcom_push: bool = True,
        xcom_push: bool | None = None,
        multiple_outputs: bool = False,
        inlets: Any = None,
        outlets: Any = None,
        task_group: TaskGroup | None = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        task_display_name: str | None = None,
        logger_name: str | None = None,
        allow_nested_operators: bool = True,
        render_template_as_native_obj: bool | None = None,
    ) -> None:
        self.task_group = task_group or _group_for(dag)
        check_id("task", task_id)
        self.label = task_id
        self.task_id = check_id("task", self.task_group.child_id(task_id) if self.task_group else task_id)
        self.upstream_task_ids: set[str] = set()
        self.downstream_task_ids: set[str] = set()
        self.owner = owner
        self.email = email
        self.email_on_retry = wants_mail("retry", email, email_on_retry)
        self.email_on_failure = wants_mail("failure", email, email_on_failure)
        self.retries = 0 if retries is None else retries
        self.retry_delay = retry_delay
        self.retry_exponential_backoff = retry_exponential_backoff
        self.max_retry_delay, self.retry_policy = max_retry_delay, retry_policy
        self.start_date = as_moment(start_date, name="start_date", of=f"task {self.task_id!r}")
        self.end_date = as_moment(end_date, name="end_date", of=f"task {self.task_id!r}")
        self.depends_on_past = depends_on_past or wait_for_downstream
        self.ignore_first_depends_on_past = ignore_first_depends_on_past
        self.wait_for_past_depends_before_skipping = wait_for_past_depends_before_skipping
        self.wait_for_downstream = wait_for_downstream
        self.params = ParamsDict(params)
        self.priority_weight = priority_weight
        self.weight_rule = weight_rule
        self.queue, self.trigger_queue = queue, trigger_queue
        self.pool = pool or "default_pool"
        self.pool_slots = pool_slots
        self.sla = sla
        self.execution_timeout, self.execution_timeout_counts = execution_timeout, execution_timeout_counts
        self.cancel_timeout, self.on_cancel_failure = cancel_timeout, on_cancel_failure
        self.on_execute_callback = as_callbacks(on_execute_callback)
        self.on_failure_callback = as_callbacks(on_failure_callback)
        self.on_success_callback = as_callbacks(on_success_callback)
        self.on_retry_callback = as_callbacks(on_retry_callback)
        self.on_skipped_callback = as_callbacks(on_skipped_callback)
        self._pre_execute_hook = pre_execute
        self._post_execute_hook = post_execute
        self.trigger_rule = rule_named(trigger_rule)
        self.resources = resources
        self.run_as_user = run_as_user
        self.map_index_template = map_index_template
        self.max_active_tis_per_dag = max_active_tis_per_dag if task_concurrency is None else task_concurrency
        self.max_active_tis_per_dagrun = max_active_tis_per_dagrun
        self.executor = executor
        self.executor_config: dict[str, Any] = executor_config or {}
        self.do_xcom_push = do_xcom_push if xcom_push is None else xcom_push
        self.multiple_outputs = multiple_outputs
        self.inlets = _as_list(inlets)
        self.outlets = _as_list(outlets)
        self.doc, self.doc_md = doc, doc_md
        self.doc_json = doc_json
        self.doc_yaml, self.doc_rst = doc_yaml, doc_rst
        self.task_display_name = task_display_name or self.task_id
        self.logger_name = logger_name
        self.allow_nested_operators = allow_nested_operators
        self.render_template_as_native_obj = render_template_as_native_obj
        self.start_trigger_args = own_copy(self.start_trigger_args)
        check_operator(self)
        dag = dag or (self.task_group.dag if self.task_group else None)
        if dag is not None:
            self.dag = dag

    def _finish_construction(self) -> None:
        """Called when the outermost ``__init__`` has returned."""
        del self._defaults
        if not hasattr(self, "task_id"):
            raise InvalidArgument(f"{type(self).__name__}.__init__ does not call super().__init__(**kwargs)")
        self._ready = True
        for field in self.template_fields:
            self._link_to_sources(getattr(self, field, None))
        self._link_to_sources(trigger_arguments(self))

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._ready and name in self.template_fields:
            self._link_to_sources(value)

    def _link_to_sources(self, value: object) -> None:
        """Run after the tasks whose results `value` holds."""
        for source in xcom_args_in(value) if self._links_tasks else ():
            if source.operator is not self:
                self.set_upstream(source.operator)

    # --- what subclasses write ---------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Do the work; the return value becomes the XCom ``return_value``. Subclasses override this."""
        raise NotImplementedError(f"{type(self).__name__} has no execute(self, context)")

    def on_kill(self) -> None:
        """Stop work outside of this process; called in the main thread when the task is being killed.

        It comes in the midst of whatever line :meth:`execute` is at, so it must not wait for a lock that this one
        holds at times (``threading.Event.set()`` takes one): a task that blocks there is killed after its grace.
        """

    def pre_execute(self, context: Context) -> None:
        """Called right before :meth:`execute`."""
        if self._pre_execute_hook is not None:
            self._pre_execute_hook(context)

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Called right after :meth:`execute`, with what it returned."""
        if self._post_execute_hook is not None:
            self._post_execute_hook(context, result)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on at `next_method` after a wait; `next_kwargs` has ``event`` and what ``defer(kwargs=)`` was given.

        A wait that failed ends the try without a worker, and this is not called. A class that overrides it is
        asked: `next_method` is ``"__fail__"`` then, and `next_kwargs` has ``error`` (a
        :class:`TriggerFailureReason`), ``message``, and of ``defer()`` the ``method`` and its ``kwargs``. Here
        that raises :class:`DeferralTimeout` or :class:`TriggerFailure`.
        """
        kwargs = next_kwargs or {}
        if next_method == RESUME_WITH_ERROR:
            reason = str(kwargs.get("error", "the trigger failed"))
            failure = DeferralTimeout if reason == TriggerFailureReason.TRIGGER_TIMEOUT.value else TriggerFailure
            raise failure(str(kwargs.get("message", reason)))
        method = getattr(self, next_method)
        return method(**resume_arguments(method, {"context": context, **kwargs}))

    # --- what subclasses call ----------------------------------------------------------------------------------

    def defer(
        self,
        trigger: BaseTrigger,
        method_name: str | None = None,
        kwargs: dict[str, Any] | None = None,
        timeout: dt.timedelta | float | None = None,
    ) -> NoReturn:
        """Leave the worker until `trigger` fires, then go on at `method_name`; works from any depth.

        The method gets ``context`` and ``event`` (the payload), if it takes them, and `kwargs`, all by keyword.
        `timeout`, a timedelta or seconds, fails the task when it is over. Raises :class:`InvalidArgument` at once
        for what can't work.
        """
        deferred = TaskDeferred(trigger, method_name, kwargs, timeout)
        check_resume_method(self, method_name, kwargs)
        raise deferred

    def callback_url(self, name: str = "default") -> str:
        """A URL for somebody outside, whose POST sends the signal `name`: :func:`bide.callback_url`."""
        return callback_url(name)

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the log of the running task."""
        import logging  # a tenth of what `import bide` may cost

        from bide.model.dag_modules import shown

        cls = type(self)
        return logging.getLogger(f"bide.task.{self.logger_name or f'{shown(cls.__module__)}.{cls.__qualname__}'}")

    @staticmethod
    def xcom_push(context: Context, key: str, value: Any) -> None:
        """``context["ti"].xcom_push(key, value)``."""
        context["ti"].xcom_push(key=key, value=value)

    @staticmethod
    def xcom_pull(
        context: Context, task_ids: Any = None, dag_id: str | None = None, key: str = "return_value"
    ) -> Any:
        """``context["ti"].xcom_pull(...)``."""
        return context["ti"].xcom_pull(task_ids=task_ids, dag_id=dag_id, key=key)

    def external_marker(self) -> MarkerSpec | None:
        """The task of another DAG that is to be cleared when this one is cleared with what is downstream."""
        return None

    @property
    def task_type(self) -> str:
        """Name of the operator's class."""
        return type(self).__name__

    @property
    def operator_name(self) -> str:
        """What people call this kind of operator."""
        return cast("str", getattr(self, "custom_operator_name", type(self).__name__))

    @property
    def operator_class(self) -> type[BaseOperator]:
        """The operator's class."""
        return type(self)

    @property
    def output(self) -> XComArg:
        """The return value of this task, for arguments of others."""
        return XComArg(self)

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """The arguments that all instances share of a task that ``.expand()`` makes."""
        return import_module("bide.authoring.mapping").OperatorPartial(cls, kwargs)  # which is made of this class

    def argument_sources(self) -> Iterator[XComArg]:
        """Results of other tasks that it gets as a whole."""
        yield from xcom_args_in([*(getattr(self, field, None) for field in self.template_fields)])
        yield from xcom_args_in(trigger_arguments(self))

    def prepare_for_execution(self) -> BaseOperator:
        """A copy for one run: templates are rendered into it, and what :meth:`execute` sets is lost with it."""
        cls = type(self)
        fresh = cls.__new__(cls)
        attributes = vars(fresh)
        attributes.update(vars(self))
        for name, value in vars(self).items():
            if value.__class__ in CONTAINERS:
                attributes[name] = copy_containers(value)
        fresh._ready = False  # attributes set from here on are no business of the DAG's
        return fresh

    def __repr__(self) -> str:
        return f"<Task({type(self).__name__}): {self.task_id}>"


def _group_for(dag: DAG | None) -> TaskGroup | None:
    """The group that a new task of `dag` (None: of the current DAG) joins."""
    group = current_group()
    if dag is None:
        return group
    return group if group is not None and group.dag is dag else dag.task_group


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(cast("Iterable[Any]", value)) if isinstance(value, list | tuple | set) else [value]


def apply_defaults(function: Any) -> Any:
    """Does nothing: ``default_args`` apply to every operator. Accepted as a decorator of ``__init__``."""
    warn_of_older("apply_defaults does nothing: default_args apply to every operator; leave it out")
    return function
