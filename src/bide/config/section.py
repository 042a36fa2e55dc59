"""What all sections of the settings are."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from bide.observe.masking import MASK


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: a class's docstring is the section's meaning."""

    #: Settings that nobody is shown, and user code is not told.
    secrets: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        """As for any struct, without the secrets."""
        shown = (f"{key}={value!r}" for key, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Fields and values, without the secrets."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, MASK if value and name in self.secrets else value) for name, value in values]
