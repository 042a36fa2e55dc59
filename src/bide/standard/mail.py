"""Mail by SMTP: which server, the message, handing it in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bide.authoring.connection import Connection
from bide.authoring.moments import as_seconds
from bide.authoring.settings import find_flag, find_number, find_seconds, find_setting
from bide.model.errors import ConnectionNotFound, InvalidArgument, TaskError

if TYPE_CHECKING:
    from email.message import EmailMessage

# What only sending needs is imported there: every worker has this module.

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


class Mail(NamedTuple):
    """One mail; each of its addressees is a list of addresses, or one text with commas between them."""

    to: Any
    subject: str
    html_content: str
    sender: str | None = None
    cc: Any = None
    bcc: Any = None
    files: Iterable[str] | None = None
    charset: str = "utf-8"
    headers: Mapping[str, str] | None = None

    @property
    def recipients(self) -> list[str]:
        """All who get it."""
        return [*addresses(self.to), *addresses(self.cc), *addresses(self.bcc)]


def mail_server(conn_id: str | None = None) -> MailServer:
    """The server of the connection `conn_id`, by default ``smtp_default``; without that the one of the settings.

    Raises :class:`ConnectionNotFound` for a `conn_id` that is not there.
    """
    try:
        connection = Connection.get(conn_id or DEFAULT_CONNECTION)
    except ConnectionNotFound:
        if conn_id is not None:
            raise
        return _server_of_settings()
    extra: dict[str, Any] = connection.extra_dejson
    encrypted = not _is_true(extra.get("disable_ssl", True))
    plain = _is_true(extra.get("disable_tls", False))
    of = f"connection {conn_id or DEFAULT_CONNECTION!r}"
    return MailServer(
        host=connection.host or "localhost",
        port=connection.port or (465 if encrypted else 25 if plain else 587),
        ssl=encrypted,
        starttls=not encrypted and not plain,
        login=connection.login,
        password=connection.password,
        sender=extra.get("from_email"),
        timeout=as_seconds(float(extra.get("timeout", 30)), name="timeout", of=of) or 30.0,
        verified=str(extra.get("ssl_context", "default")) != "none",
    )


def send_mail(mail: Mail, server: MailServer) -> None:
    """Hand `mail` in at `server`.

    Raises :class:`InvalidArgument` for a mail that can't be, :class:`TaskError` if it is not taken for everybody.
    """
    message = _message(mail, server)
    try:
        refused = _hand_in(server, message, mail.recipients)
    except OSError as error:  # smtplib's own are too
        raise TaskError(f"the mail could not be handed in at {server.host}:{server.port}: {error}") from error
    if refused:
        raise TaskError(f"{server.host} refuses {', '.join(refused)}; the others have got the mail")


def send_email(
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: Iterable[str] | None = None,
    dryrun: bool = False,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str | None = None,
    custom_headers: Mapping[str, str] | None = None,
    from_email: str | None = None,
) -> None:
    """Send a mail from the code of a task or callback, to the server of `conn_id` (see :func:`mail_server`).

    `dryrun` checks all but sends nothing. `mime_subtype` is Airflow's. Raises what :func:`send_mail` does.
    """
    mail = Mail(to, subject, html_content, from_email, cc, bcc, files, mime_charset, custom_headers)
    server = mail_server(conn_id)
    if dryrun:
        _message(mail, server)
        return
    send_mail(mail, server)


def build_mime_message(
    mail_from: str | None,
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: Iterable[str] | None = None,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    custom_headers: Mapping[str, str] | None = None,
) -> tuple[EmailMessage, list[str]]:
    """The message of a mail that is sent by other means, and all who are to get it. `mime_subtype` is Airflow's."""
    mail = Mail(to, subject, html_content, mail_from, cc, bcc, files, mime_charset, custom_headers)
    return _message(mail, MailServer("", 0, ssl=False, starttls=False)), mail.recipients


def _message(mail: Mail, server: MailServer) -> EmailMessage:
    from email.message import EmailMessage

    sender = mail.sender or server.sender or server.login
    if not sender or not addresses(mail.to):
        lacking = "recipient: give to=" if sender else "sender: give from_email=, or set it in the connection"
        raise InvalidArgument(f"the mail has no {lacking}")
    message = EmailMessage()
    for name, value in {
        "Subject": mail.subject,
        "From": sender,
        "To": ", ".join(addresses(mail.to)),
        "Cc": ", ".join(addresses(mail.cc)),
        **(mail.headers or {}),
    }.items():
        if value:
            message[name] = " ".join(str(value).split())
    message.set_content(mail.html_content, subtype="html", charset=mail.charset)
    for file in mail.files or ():
        _attach(message, Path(file))
    return message


def _attach(message: EmailMessage, path: Path) -> None:
    import mimetypes

    kind, encoding = mimetypes.guess_type(path.name)
    main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidArgument(f"the file {path} can't be attached: {error}") from None
    message.add_attachment(data, maintype=main, subtype=sub, filename=path.name)


def _hand_in(server: MailServer, message: EmailMessage, recipients: list[str]) -> list[str]:
    """The answer has those recipients that the server refuses. Raises what smtplib raises."""
    import smtplib
    import ssl

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
