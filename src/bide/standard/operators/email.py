"""Sending mail by SMTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bide.authoring.operator import BaseOperator
from bide.standard.mail import Mail, mail_server, send_mail

if TYPE_CHECKING:
    from bide.authoring.context import Context


class EmailOperator(BaseOperator):
    """Sends a mail to `to` (addresses, in a list or separated by commas), with `html_content` as its text.

    `cc` and `bcc` are more addresses, `files` are attached, `custom_headers` are added. The server is that of the
    connection `conn_id` (by default ``smtp_default``): host, port, login and password, and in its extra
    ``disable_ssl``, ``disable_tls``, ``from_email``, ``timeout`` and ``ssl_context`` (``none``: trust any server).
    Where there is no such connection, the section ``[smtp]`` of the settings counts.
    """

    template_fields = ("to", "subject", "html_content", "files", "cc", "bcc", "from_email", "custom_headers")
    template_ext = (".html",)
    template_fields_renderers = {"html_content": "html"}
    ui_color = "#e6faf9"

    def __init__(
        self,
        *,
        to: str | Iterable[str],
        subject: str,
        html_content: str,
        from_email: str | None = None,
        files: Iterable[str] | None = None,
        cc: str | Iterable[str] | None = None,
        bcc: str | Iterable[str] | None = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str | None = None,
        custom_headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to: Any = to
        self.subject = subject
        self.html_content = html_content
        self.from_email = from_email
        self.files: Any = list(files or ())
        self.cc: Any = cc
        self.bcc: Any = bcc
        self.mime_subtype = mime_subtype
        self.mime_charset = mime_charset
        self.conn_id = conn_id
        self.custom_headers: Any = dict(custom_headers or {})

    def execute(self, context: Context) -> None:
        mail = Mail(
            self.to,
            self.subject,
            self.html_content,
            sender=self.from_email,
            cc=self.cc,
            bcc=self.bcc,
            files=self.files,
            charset=self.mime_charset,
            headers=self.custom_headers,
        )
        send_mail(mail, mail_server(self.conn_id))
        self.log.info("sent %r to %s", self.subject, ", ".join(mail.recipients))
