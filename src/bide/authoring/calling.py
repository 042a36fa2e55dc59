"""Calling functions of users with what they accept of the context."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Coroutine, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

#: What waits for coroutines here, if they don't get an event loop of their own.
_awaiting: ContextVar[Callable[[Coroutine[Any, Any, Any]], Any] | None] = ContextVar("bide_awaiting", default=None)


def accepted_arguments(
    function: Callable[..., Any], args: Collection[Any], context: Mapping[str, Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Keyword arguments for a call beside `args`: all of `kwargs`, and of `context` what `function` names.

    A function with ``**kwargs`` gets the whole context, and of what costs something (``context.by_name``) what its
    code names, as in ``kwargs["prev_ds"]``. What is given in `args` and `kwargs` wins over the context.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature, as some C functions are
        return dict(kwargs)
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_position = {p.name for p in named[: len(args)]}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = {*context, *_named(function, getattr(context, "by_name", ()))} - by_position - kwargs.keys()
        return {**{name: context[name] for name in names}, **kwargs}
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - by_position
    return {**{name: context[name] for name in names if name in context}, **kwargs}


def _named(function: Callable[..., Any], names: Collection[str]) -> set[str]:
    """Those of `names` that the code of `function` has as texts or parameters."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return set()
    return {name for name in names if name in code.co_consts or name in code.co_varnames}


async def call_aside(function: Callable[..., Any], *args: Any) -> Any:
    """What `function` gives, called in a thread; an async one is awaited here."""
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    import asyncio  # half of what `import bide` may cost; DAG files need none of it

    found = await asyncio.to_thread(_without_stop_iteration, function, args)
    return await found if inspect.isawaitable(found) else found


def _without_stop_iteration(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return function(*args)
    except StopIteration as error:
        # A future can't hold one: whoever awaits it would do so for ever.
        name = getattr(function, "__name__", "the function")
        raise RuntimeError(f"{name}() raised StopIteration") from error


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `function`; an async one runs to its end, as :func:`run_to_end` says."""
    return run_to_end(function(*args, **kwargs))


def run_to_end(result: Any) -> Any:
    """What a coroutine comes to: in the loop that :func:`awaiting_by` has set up, else in one of its own.

    Anything else is its own result.
    """
    if not inspect.iscoroutine(result):
        return result
    awaiting = _awaiting.get()
    if awaiting is not None:
        return awaiting(result)
    import asyncio  # half of what `import bide` may cost; DAG files need none of it

    return asyncio.run(result)


@contextmanager
def awaiting_by(wait_for: Callable[[Coroutine[Any, Any, Any]], Any] | None) -> Generator[None]:
    """Inside, coroutines of tasks and callbacks are awaited by `wait_for`; None: each in a loop of its own."""
    token = _awaiting.set(wait_for)
    try:
        yield
    finally:
        _awaiting.reset(token)
