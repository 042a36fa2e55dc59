"""Sockets on which a server listens, and the URLs of such servers."""

from __future__ import annotations

import errno
import socket
from typing import Final

from bide.cli.exit_codes import PortInUse
from bide.model.errors import ConfigError

_BACKLOG: Final = 128
#: Hosts that stand for all addresses of a machine.
_ANY: Final = frozenset({"0.0.0.0", "::"})  # nothing is bound to it here


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at `host` and `port`. Raises :class:`PortInUse`, or ConfigError for a wrong address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(
            f"the API can't listen at {host!r}: {error.strerror}; see [api] host and --host"
        ) from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno != errno.EADDRINUSE:
            raise ConfigError(f"the API can't listen at {host} port {port}: {error.strerror}") from error
        raise PortInUse(
            f"the API can't listen at {host} port {port}: {error.strerror}. Choose another port with --port N "
            "(0 takes a free one) or [api] port, or stop the program that has it"
        ) from error
    return listening


def base_of(listening: socket.socket) -> str:
    """The URL by which others reach what listens there, as far as can be known."""
    host, port = listening.getsockname()[:2]
    return url_of(socket.gethostname() if host in _ANY else host, port)


def url_of(host: str, port: int) -> str:
    """The URL of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
