"""Connections to indexes of Python packages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlparse

from bide.authoring.hook import BaseHook
from bide.model.errors import ConfigError


class PackageIndexHook(BaseHook):
    """The URL of a package index, with login and password of a connection of type ``package_index``."""

    conn_name_attr = "pi_conn_id"
    default_conn_name = "package_index_default"
    conn_type = "package_index"
    hook_name = "Package Index (Python)"

    def __init__(self, pi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pi_conn_id = pi_conn_id
        self.conn = None

    def get_conn(self) -> str:
        """The URL."""
        return self.get_connection_url()

    def get_connection_url(self) -> str:
        """The URL, with login and password in it."""
        connection = self.get_connection(self.pi_conn_id)
        if not connection.host:
            raise ConfigError(f"the connection {self.pi_conn_id!r} has no host, which is the URL of the index")
        url = urlparse(connection.host if "://" in connection.host else f"https://{connection.host}")
        secret = f":{quote(connection.password, safe='')}" if connection.password else ""
        before = f"{quote(connection.login, safe='')}{secret}@" if connection.login else ""
        return url._replace(netloc=f"{before}{url.netloc.rpartition('@')[2]}").geturl()

    def test_connection(self) -> tuple[bool, str]:
        """Whether the connection says where the index is; installing shows the rest."""
        try:
            url = self.get_connection_url()
        except ConfigError as error:
            return False, str(error)
        return True, f"the index is at {urlparse(url).hostname}"
