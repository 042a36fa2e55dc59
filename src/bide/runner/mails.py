"""Mails to ``email=`` of tasks that fail, are tried again, or miss their ``sla=``."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from bide.authoring.context import Context
from bide.authoring.settings import find_setting
from bide.authoring.templates import environment_for, render
from bide.model.errors import ConfigError, ConnectionNotFound
from bide.observe.masking import mask
from bide.standard.mail import DEFAULT_CONNECTION, Mail, MailServer, mail_server, send_mail

_SUBJECT: Final = "Bide: {{ ti.dag_id }}.{{ ti.task_id }} {{ 'is tried again' if is_retried else 'has failed' }}"
_TEXT: Final = """\
<p>{{ ti }}{% if ti.map_index >= 0 %}, map index {{ ti.map_index }}{% endif %}</p>
<p>Try {{ try_number }} of {{ max_tries + 1 }} has failed{% if is_retried %}; another one follows{% endif %}:</p>
<pre>{{ exception_html }}</pre>
<p>Its log: <code>bide tasks logs {{ ti.dag_id }} {{ ti.task_id }} --run {{ ti.run_id }}</code></p>
"""


def tell_of_try(context: Context) -> None:
    """Send the mail of a try that has failed to the task's ``email``."""
    task: Any = context["task"]
    ti: Any = context["ti"]
    error = context.get("exception")
    reason = mask("" if error is None else str(error) or type(error).__name__)
    told: dict[str, Any] = {
        **dict(context),
        "exception": reason,
        "exception_html": html.escape(reason).replace("\n", "<br>"),
        "try_number": ti.try_number,
        "max_tries": ti.max_tries,
        "is_retried": ti.state == "up_for_retry",
    }
    env = environment_for(task.dag, native=False)
    subject = mask(_filled("subject_template", _SUBJECT, env, told))
    _send(task.email, subject, mask(_filled("html_content_template", _TEXT, env, told)))


def tell_of_misses(dag_id: str, late: str, blocking: str, to: Sequence[str]) -> None:
    """Send the mail of tasks of one DAG that have missed their ``sla=``; `late`, `blocking`: one on each line."""
    _send(
        to,
        f"Bide: SLA miss of {dag_id}",
        f"<p>These tasks have missed their SLA:</p>\n<pre>{html.escape(late)}</pre>\n"
        f"<p>These have not succeeded:</p>\n<pre>{html.escape(blocking)}</pre>\n",
    )


def _filled(key: str, default: str, env: jinja2.Environment, told: dict[str, Any]) -> str:
    path = find_setting("email", key)
    try:
        text = Path(path).read_text(encoding="utf-8") if path else default
    except OSError as error:
        raise ConfigError(f"[email] {key}: the template can't be read: {error}") from None
    return str(render(env.from_string(text), told))


def _send(to: Any, subject: str, text: str) -> None:
    sender = find_setting("email", "from_email") or None
    send_mail(Mail(to, subject, text, sender=sender), _server())


def _server() -> MailServer:
    conn_id = find_setting("email", "email_conn_id") or DEFAULT_CONNECTION
    try:
        return mail_server(conn_id)
    except ConnectionNotFound:
        if conn_id != DEFAULT_CONNECTION:
            raise
        return mail_server()
