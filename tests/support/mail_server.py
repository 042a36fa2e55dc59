"""A small SMTP server on the loopback: it keeps what it is handed, with or without encryption and login."""

from __future__ import annotations

import base64
import datetime as dt
import socketserver
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """What a server got."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context, with a certificate that nobody has reason to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, at_once: bool = False, refuse: str = ""
) -> Generator[Mailbox]:
    """A server that encrypts with `tls`, from the start or when asked; it refuses the recipient `refuse`."""
    box = Mailbox()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection = self.request
            encrypted = False
            try:
                if at_once and tls is not None:
                    connection, encrypted = tls.wrap_socket(connection, server_side=True), True
                stream = connection.makefile("rwb")
                self.say(stream, "220 hello")
                while line := stream.readline().decode().strip():
                    word, _, rest = line.partition(" ")
                    word = word.upper()
                    if word == "EHLO":
                        self.say(
                            stream, *(["250-hello", "250-AUTH PLAIN", *(["250-STARTTLS"] if tls else [])]), "250 OK"
                        )
                    elif word == "STARTTLS":
                        self.say(stream, "220 go on")
                        assert tls is not None
                        connection, encrypted = tls.wrap_socket(connection, server_side=True), True
                        stream = connection.makefile("rwb")
                    elif word == "AUTH":
                        box.logins.append(base64.b64decode(rest.split()[1]).decode().replace("\0", "|"))
                        self.say(stream, "235 welcome")
                    elif word == "RCPT" and refuse and refuse in rest:
                        self.say(stream, "550 unknown")
                    elif word == "DATA":
                        self.say(stream, "354 go on")
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            text += stream.readline()
                        box.mails.append(text.decode())
                        box.encrypted.append(encrypted)
                        self.say(stream, "250 OK")
                    elif word == "QUIT":
                        self.say(stream, "221 bye")
                        return
                    else:
                        if word == "RCPT":
                            box.recipients.append(rest.partition("<")[2].rstrip(">"))
                        self.say(stream, "250 OK")
            except (OSError, ssl.SSLError):
                pass  # the client has gone, as one does that does not trust us
            finally:
                connection.close()

        def say(self, stream: object, *lines: str) -> None:
            stream.write("".join(f"{line}\r\n" for line in lines).encode())  # type: ignore[attr-defined]
            stream.flush()  # type: ignore[attr-defined]

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
