"""URLs by which services and people outside tell a task something."""

from __future__ import annotations

from bide.authoring.runtime import current_runtime
from bide.model.ids import check_signal_name


def callback_url(name: str = "default") -> str:
    """A URL for somebody outside: a POST with a JSON body there sends the signal `name` to the running task.

    The task takes it by waiting for ``SignalTrigger(name)``; the body is the event. A call that comes before the
    task waits is kept. The URL itself is the credential: who has it may call it, once; treat it like a password.
    It ends with the task, or with the time limit of the wait for it, else after 30 days. Asking for the same name
    again in one piece of work gives the same URL.

    Raises :class:`~bide.model.errors.TaskError` where nobody knows under which address the API is reached, and
    :class:`~bide.authoring.runtime.NoRuntime` outside of a running task.
    """
    return current_runtime().callback_url(check_signal_name(name))
