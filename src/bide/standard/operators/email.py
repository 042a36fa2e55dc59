"""Sending mail by SMTP."""

from __future__ import annotations

import mimetypes
import smtplib
import ssl
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bide.authoring.connection import Connection
from bide.authoring.moments import as_seconds
from bide.authoring.operator import BaseOperator
from bide.authoring.operator_checks import name_of
from bide.authoring.settings import find_flag, find_number, find_seconds, find_setting
from bide.model.errors import ConnectionNotFound, InvalidArgument, TaskError

if TYPE_CHECKING:
    from bide.authoring.context import Context

DEFAULT_CONNECTION: Final = "smtp_default"


class MailServer(NamedTuple):
    """Where mail is handed in, and how."""

    host: str
    port: int
    #: Encrypted from the start, or after asking for it; neither is in clear.
    ssl: bool
    starttls: bool
    login: str | None = None
    password: str | None = None
    sender: str | None = None
    #: Seconds.
    timeout: float = 30.0
    #: Whether the server has to prove who it is.
    verified: bool = True


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
        server = self.server()
        message = self.message(server)
        recipients = [*addresses(self.to), *addresses(self.cc), *addresses(self.bcc)]
        try:
            refused = send(server, message, recipients)
        except (OSError, smtplib.SMTPException) as error:
            raise TaskError(f"the mail could not be handed in at {server.host}:{server.port}: {error}") from error
        if refused:
            raise TaskError(f"{server.host} refuses {', '.join(refused)}; the others have got the mail")
        self.log.info("sent %r to %s", self.subject, ", ".join(recipients))

    def server(self) -> MailServer:
        """The server of the connection, else that of the settings."""
        try:
            connection = Connection.get(self.conn_id or DEFAULT_CONNECTION)
        except ConnectionNotFound:
            if self.conn_id is not None:
                raise
            return _server_of_settings()
        extra: dict[str, Any] = connection.extra_dejson
        encrypted = not _is_true(extra.get("disable_ssl", True))
        plain = _is_true(extra.get("disable_tls", False))
        return MailServer(
            host=connection.host or "localhost",
            port=connection.port or (465 if encrypted else 25 if plain else 587),
            ssl=encrypted,
            starttls=not encrypted and not plain,
            login=connection.login,
            password=connection.password,
            sender=extra.get("from_email"),
            timeout=as_seconds(float(extra.get("timeout", 30)), name="timeout", of=name_of(self)) or 30.0,
            verified=str(extra.get("ssl_context", "default")) != "none",
        )

    def message(self, server: MailServer) -> EmailMessage:
        """The mail. Raises :class:`InvalidArgument` if it has no sender or recipient, or a file is missing."""
        sender = self.from_email or server.sender or server.login
        if not sender or not addresses(self.to):
            lacking = "recipient: give to=" if sender else "sender: give from_email=, or set it in the connection"
            raise InvalidArgument(f"task {self.task_id!r}: the mail has no {lacking}")
        message = EmailMessage()
        for name, value in {
            "Subject": self.subject,
            "From": sender,
            "To": ", ".join(addresses(self.to)),
            "Cc": ", ".join(addresses(self.cc)),
            **self.custom_headers,
        }.items():
            if value:
                message[name] = " ".join(str(value).split())
        message.set_content(self.html_content, subtype="html", charset=self.mime_charset)
        for file in self.files or ():
            _attach(message, Path(file))
        return message


def _attach(message: EmailMessage, path: Path) -> None:
    kind, encoding = mimetypes.guess_type(path.name)
    main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidArgument(f"the file {path} can't be attached: {error}") from None
    message.add_attachment(data, maintype=main, subtype=sub, filename=path.name)


def send(server: MailServer, message: EmailMessage, recipients: list[str]) -> list[str]:
    """Hand the mail in; the answer has those recipients that the server refuses. Raises what smtplib raises."""
    trust = ssl.create_default_context()
    if not server.verified:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with (
        smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=trust)
        if server.ssl
        else smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    ) as client:
        if server.starttls:
            client.starttls(context=trust)
        if server.login and server.password:
            client.login(server.login, server.password)
        return list(client.send_message(message, to_addrs=recipients))


def addresses(value: Any) -> list[str]:
    """Addresses in a list, or in one text separated by commas or semicolons."""
    if not value:
        return []
    texts = value.replace(";", ",").split(",") if isinstance(value, str) else [str(one) for one in value]
    return [text.strip() for text in texts if text.strip()]


def _server_of_settings() -> MailServer:
    return MailServer(
        host=find_setting("smtp", "smtp_host") or "localhost",
        port=find_number("smtp", "smtp_port", 25),
        ssl=find_flag("smtp", "smtp_ssl", False),
        starttls=find_flag("smtp", "smtp_starttls", True) and not find_flag("smtp", "smtp_ssl", False),
        sender=find_setting("smtp", "smtp_mail_from") or None,
        timeout=find_seconds("smtp", "smtp_timeout", 30.0),
    )


def _is_true(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes", "on") if isinstance(value, str) else bool(value)
