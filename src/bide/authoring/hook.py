"""The base of hooks: objects that talk to an outside service with what a connection says."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bide.authoring.connection import Connection


class BaseHook:
    """A subclass says in ``conn_type`` which connections it is for, and in ``get_conn()`` what it makes of one."""

    conn_name_attr: str = "conn_id"
    default_conn_name: str = ""
    conn_type: str = ""
    hook_name: str = ""

    def __init__(self, logger_name: str | None = None, **kwargs: Any) -> None:
        # Arguments that no class takes end here, as in Airflow: hooks pass on what they were given.
        super().__init__()
        self._logger_name = logger_name

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the log of the task that uses the hook."""
        name = getattr(self, "_logger_name", None)
        return logging.getLogger(name or f"{type(self).__module__}.{type(self).__qualname__}")

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Look a connection up. Raises :class:`~bide.model.errors.ConnectionNotFound`."""
        return Connection.get(conn_id)

    @classmethod
    def get_connections(cls, conn_id: str) -> list[Connection]:
        """A list of one: the connection of that id."""
        return [cls.get_connection(conn_id)]

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        """As :meth:`get_connection`, awaited: in a trigger it holds up nobody."""
        return await asyncio.to_thread(cls.get_connection, conn_id)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """The hook of an installed package for the type of this connection."""
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    @classmethod
    async def aget_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """As :meth:`get_hook`, awaited."""
        return (await cls.aget_connection(conn_id)).get_hook(hook_params=hook_params)

    def get_conn(self) -> Any:
        """The client of the service."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to connect: it has no get_conn()")

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Fields of a form, for providers that have some."""
        return {}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """How a form shows them."""
        return {}
