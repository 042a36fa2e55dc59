"""The settings as rows: what can be set, of which type, with which default and meaning."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from bide.config.section import Section
from bide.config.settings import Settings


class SettingRow(NamedTuple):
    """One setting."""

    section: str
    key: str
    #: As annotated, with its constraints.
    type: Any
    default: Any
    meaning: str
    #: Whether its value is shown to nobody.
    is_secret: bool = False

    @property
    def name(self) -> str:
        """``section.key``"""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"BIDE__{self.section.upper()}__{self.key.upper()}"

    @property
    def type_name(self) -> str:
        """The type in words: ``integer >= 1``."""
        return _words(self.type)


@cache
def sections() -> dict[str, type[Section]]:
    """Section classes by name, in the order of the documentation."""
    hints = get_type_hints(Settings)
    return {field.name: hints[field.name] for field in msgspec.structs.fields(Settings)}


@cache
def setting_rows() -> dict[tuple[str, str], SettingRow]:
    """All settings by (section, key)."""
    rows: dict[tuple[str, str], SettingRow] = {}
    for section, struct in sections().items():
        hints = get_type_hints(struct, include_extras=True)
        defaults = struct()
        for field in msgspec.structs.fields(struct):
            annotated = hints[field.name]
            meaning = _meta(annotated).description or ""
            default = getattr(defaults, field.name)
            rows[section, field.name] = SettingRow(
                section, field.name, annotated, default, meaning, is_secret=field.name in struct.secrets
            )
    return rows


def show_value(value: Any) -> str:
    """`value` as ``bide.toml`` writes it; ``(not set)`` for None."""
    if value is None:
        return "(not set)"
    return msgspec.json.encode(value).decode()


def _meta(annotated: Any) -> msgspec.Meta:
    for extra in get_args(annotated)[1:]:
        if isinstance(extra, msgspec.Meta):
            return extra
    raise TypeError(f"setting without a meaning: {annotated!r}")


def _words(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        meta = _meta(kind)
        bounds = [
            f"{sign} {bound:g}"
            for sign, bound in ((">", meta.gt), (">=", meta.ge), ("<", meta.lt), ("<=", meta.le))
            if bound is not None
        ]
        return " ".join([_words(get_args(kind)[0]), *bounds])
    if get_origin(kind) is Literal:
        return " or ".join(show_value(choice) for choice in get_args(kind))
    if get_origin(kind) is list:
        return f"list of {_words(get_args(kind)[0])}"
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_words(part) for part in get_args(kind) if part is not type(None))
    return {bool: "true or false", int: "integer", float: "number", str: "text"}[kind]
