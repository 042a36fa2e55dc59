"""Notifiers: callbacks as objects, with templates in their fields."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING, Any

from bide.authoring.rendering import Rendering
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    import logging

    import jinja2

    from bide.authoring.context import Context


class BaseNotifier(Rendering):
    """Tells somebody of something; usable as any callback: ``on_failure_callback=MyNotifier(...)``.

    Subclasses name their ``template_fields`` and write :meth:`notify`, plain or ``async``, or :meth:`async_notify`.
    Templates are rendered with the context of the call, in a copy: one notifier can serve many tasks.
    """

    template_fields: Collection[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        for name in kwargs:
            raise InvalidArgument(f"{type(self).__name__}: unknown argument {name!r}")

    def notify(self, context: Context) -> Any:
        """Tell it. Subclasses override this, or :meth:`async_notify`."""
        raise NotImplementedError(f"{type(self).__name__} has no notify(self, context)")

    async def async_notify(self, context: Context) -> None:
        """Tell it from an event loop."""
        result = self.notify(context)
        if isinstance(result, Awaitable):
            await result

    def __call__(self, *args: Any) -> Any:
        """Tell of `context`, the only argument; callbacks of missed SLAs get five, which are put into one."""
        context = self._context_of(args)
        one = self._rendered(context)
        if type(one).notify is BaseNotifier.notify and type(one).async_notify is not BaseNotifier.async_notify:
            return one.async_notify(context)
        return one.notify(context)

    def _context_of(self, args: tuple[Any, ...]) -> Any:
        if len(args) == 1:
            return args[0]
        if len(args) == 5:
            names = ("dag", "task_list", "blocking_task_list", "slas", "blocking_tis")
            return dict(zip(names, args, strict=True))
        raise InvalidArgument(f"{type(self).__name__} is called with the context, not with {len(args)} arguments")

    def _rendered(self, context: Context) -> BaseNotifier:
        import copy

        one = copy.copy(self)
        one.render_template_fields(context, one.get_template_env(context.get("dag")))
        return one

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Fill in the fields of this very object."""
        super().render_template_fields(context, jinja_env)

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the log of the task."""
        import logging

        return logging.getLogger(f"bide.task.{type(self).__module__}.{type(self).__qualname__}")
