"""In the path of a process: names that end as ``LOOPBACK_NAMES`` says lead to the port ``LOOPBACK_PORT`` here."""

import os
import socket

_find = socket.getaddrinfo
_names = os.environ.get("LOOPBACK_NAMES", "")


def getaddrinfo(host, port, *args, **kwargs):
    """As :func:`socket.getaddrinfo`."""
    name = host.decode() if isinstance(host, bytes) else host
    if _names and isinstance(name, str) and name.endswith(_names):
        return _find("127.0.0.1", int(os.environ["LOOPBACK_PORT"]), *args, **kwargs)
    return _find(host, port, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
