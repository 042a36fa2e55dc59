"""Which part of the store an engine works on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """An engine of its own for one run (``bide run``) leaves everything else in the store alone."""

    #: The uid of the only run to work on; None for all.
    only_run: str | None = None

    @property
    def everything(self) -> bool:
        """Whether this engine serves the whole store."""
        return self.only_run is None
