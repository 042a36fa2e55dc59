"""Bide's masking of secrets, as an object that packages derive their own from."""

from __future__ import annotations

import logging
from typing import Any, Final, cast

from bide.model.sensitive_names import is_sensitive
from bide.observe.masking import MASK, SHORTEST, add_secret, is_secret_name, mask_strings

#: Types whose secrets can be masked, and what comes of them.
Redactable = str | dict[Any, Any] | tuple[Any, ...] | list[Any]
Redacted = Redactable


class SecretsMasker(logging.Filter):
    """Masks the secrets that this process knows of. A subclass may override :meth:`_redact`."""

    MAX_RECURSION_DEPTH: Final = 5

    def __init__(self) -> None:
        super().__init__()
        #: Texts that this one masks beside those that the whole process knows.
        self.patterns: set[str] = set()
        self.replacer: Any = None
        #: Further parts of names whose values are secrets.
        self.sensitive_variables_fields: list[str] = []
        self.min_length_to_mask = SHORTEST

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the secrets of a line of a log."""
        record.msg = self.redact(record.getMessage())
        record.args = None
        return True

    def add_mask(self, secret: Any, name: str | None = None) -> None:
        """Mask a value from now on; with `name` only if that is a secret's."""
        if name is None or self.should_hide_value_for_key(name):
            add_secret(secret)

    def should_hide_value_for_key(self, name: str | None) -> bool:
        """Whether what has this name is a secret."""
        if not isinstance(name, str):
            return False
        return is_secret_name(name) or is_sensitive(name, [one.lower() for one in self.sensitive_variables_fields])

    def redact(self, item: Any, name: str | None = None, max_depth: int | None = None, **kwargs: Any) -> Any:
        """`item` with its secrets masked, down to so many levels."""
        return self._redact(item, name, depth=0, max_depth=max_depth or self.MAX_RECURSION_DEPTH, **kwargs)

    def _redact(self, item: Any, name: str | None, depth: int, max_depth: int, **kwargs: Any) -> Any:
        if depth > max_depth:
            return item
        if name and self.should_hide_value_for_key(name):
            return self._redact_all(item, depth, max_depth)
        if isinstance(item, dict):
            pairs = cast("dict[Any, Any]", item).items()
            return {key: self._redact(one, key, depth + 1, max_depth, **kwargs) for key, one in pairs}
        if isinstance(item, list | tuple | set):
            found = [self._redact(one, None, depth + 1, max_depth, **kwargs) for one in cast("Any", item)]
            return tuple(found) if isinstance(item, tuple) else found
        return mask_strings(item)

    def _redact_all(self, item: Any, depth: int, max_depth: int, **kwargs: Any) -> Any:
        """All texts in it masked."""
        if depth > max_depth or isinstance(item, str):
            return MASK
        if isinstance(item, dict):
            pairs = cast("dict[Any, Any]", item).items()
            return {key: self._redact_all(one, depth + 1, max_depth) for key, one in pairs}
        if isinstance(item, list | tuple | set):
            found = [self._redact_all(one, depth + 1, max_depth) for one in cast("Any", item)]
            return tuple(found) if isinstance(item, tuple) else found
        return item


_masker: Final = SecretsMasker()


def secrets_masker() -> SecretsMasker:
    """That of this process."""
    return _masker
