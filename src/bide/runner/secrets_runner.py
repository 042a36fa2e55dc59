"""The secrets runner: a process that has a backend of secrets, and nothing else of users."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from importlib import import_module
from typing import Any

from bide.authoring.connection import Connection
from bide.authoring.secrets_backends import BaseSecretsBackend
from bide.model.errors import ConfigError, ProtocolError
from bide.observe.log import install
from bide.observe.masking import add_secret, mask
from bide.runner.failures import described, one_line
from bide.runner.settings import setting
from bide.wire.channel import Channel, ChannelClosed
from bide.wire.lookups import ConnectionFound, GetConnection, GetVariable, VariableFound
from bide.wire.messages import AnyMessage, Ok, Refused
from bide.wire.secrets_messages import ConnectionTested, OpenBackend, TryConnection

_log = logging.getLogger("bide.runner")


def main(sock: socket.socket, label: str) -> int:
    """Answer each question that comes over `sock`, one after the other, until it closes."""
    channel = Channel(sock)
    install(setting("logging", "level") or logging.INFO)
    plugins = setting("core", "plugins_folder")
    if plugins and plugins not in sys.path:
        sys.path.append(plugins)
    backend: BaseSecretsBackend | None = None
    try:
        while True:
            frame = channel.receive()
            reply: AnyMessage
            try:
                if isinstance(frame.body, OpenBackend):
                    backend = opened(frame.body)
                    reply = Ok()
                elif isinstance(frame.body, TryConnection):
                    reply = _tried(frame.body)
                else:
                    reply = _answer(backend, frame.body)
            except Exception as error:
                # What it says is the engine's to tell; the backend may well answer the next question.
                _log.warning("The backend of secrets failed: %s", described(error))
                reply = Refused(one_line(error))
            channel.send(reply, request=frame.request)
    except ChannelClosed:
        return 0


def opened(order: OpenBackend) -> BaseSecretsBackend:
    """The backend that `order` names. Raises :class:`ConfigError`, or what its class does."""
    kwargs: dict[str, Any] = json.loads(order.kwargs)
    add_secret([value for name, value in kwargs.items() if not name.endswith(("_prefix", "_path", "url"))])
    module, _, name = order.classpath.replace(":", ".").rpartition(".")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"[secrets] backend: there is no class {order.classpath!r}: {error}") from error
    return cls(**kwargs)


def _tried(order: TryConnection) -> ConnectionTested:
    connection = Connection.of(order.conn_id, order.fields)
    # Hooks look their connection up by its id.
    os.environ[f"BIDE_CONN_{order.conn_id.upper()}"] = connection.as_json()
    good, said = connection.test_connection()
    return ConnectionTested(good, mask(said))


def _answer(backend: BaseSecretsBackend | None, body: AnyMessage) -> AnyMessage:
    if backend is None:
        raise ProtocolError("a secrets runner was asked before it had a backend")
    if isinstance(body, GetConnection):
        found = backend.get_connection(body.conn_id)
        return ConnectionFound(None if found is None else found.fields)
    if isinstance(body, GetVariable):
        value = backend.get_variable(body.key)
        return VariableFound(value if value is None else str(value))
    raise ProtocolError(f"a secrets runner was sent a {type(body).__name__}")
