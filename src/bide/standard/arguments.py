"""Looking at arguments and settings of operators: which are given, cut to pieces, without what is empty."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_letters, digits
from typing import Any, Final, Literal, TypeVar, cast

from bide.authoring.not_given import is_arg_set
from bide.model.errors import InvalidId
from bide.model.ids import MAX_ID_LENGTH, check_id

T = TypeVar("T")

#: Where a word begins in the middle of a name: before a capital.
_WORDS: Final = re.compile(r"(?<!^)(?<!_)(?=[A-Z])")
_TRUE: Final = frozenset({"t", "true", "y", "yes", "on", "1"})


def prune_dict(val: Any, mode: Literal["strict", "truthy"] = "strict") -> Any:
    """`val` without the None in its dicts and lists, at any depth; ``truthy``: without all that is empty."""
    if mode not in ("strict", "truthy"):
        raise ValueError(f"mode must be 'strict' or 'truthy', not {mode!r}")

    def counts(value: Any) -> bool:
        return value is not None if mode == "strict" else bool(value)

    if isinstance(val, dict):
        pruned = {
            key: prune_dict(value, mode) for key, value in cast("dict[Any, Any]", val).items() if counts(value)
        }
        return pruned if mode == "strict" else {key: value for key, value in pruned.items() if value}
    if isinstance(val, list):
        items = [prune_dict(value, mode) for value in cast("list[Any]", val) if counts(value)]
        return items if mode == "strict" else [value for value in items if value]
    return val


def merge_dicts(dict1: Mapping[Any, Any], dict2: Mapping[Any, Any]) -> dict[Any, Any]:
    """Both in one; where both have dicts under a key these are merged, else `dict2` wins."""
    merged = dict(dict1)
    for key, value in dict2.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = merge_dicts(cast("dict[Any, Any]", before), cast("dict[Any, Any]", value))
        else:
            merged[key] = value
    return merged


def chunks(items: list[T], chunk_size: int) -> Iterator[list[T]]:
    """`items` in lists of `chunk_size`; the last may be shorter."""
    if chunk_size <= 0:
        raise ValueError(f"chunk_size must be at least 1, not {chunk_size!r}")
    for start in range(0, len(items), chunk_size):
        yield items[start : start + chunk_size]


def exactly_one(*args: Any) -> bool:
    """Whether one of the arguments is true, and no other."""
    return _count_true(args) == 1


def at_most_one(*args: Any) -> bool:
    """Whether not more than one of the arguments is true."""
    return _count_true(args) <= 1


def _count_true(args: tuple[Any, ...]) -> int:
    if any(isinstance(one, list | tuple | set | frozenset) for one in args):
        raise ValueError("give the arguments one by one, not a list of them: f(*arguments)")
    return sum(is_arg_set(one) and bool(one) for one in args)


def is_container(obj: Any) -> bool:
    """Whether it can be iterated over and is no string."""
    return hasattr(obj, "__iter__") and not isinstance(obj, str)


def as_flattened_list(iterable: Iterable[Iterable[T]]) -> list[T]:
    """The elements of the elements."""
    return [one for part in iterable for one in part]


def convert_camel_to_snake(camel_str: str) -> str:
    """``SomeName`` as ``some_name``."""
    return _WORDS.sub("_", camel_str).lower()


def to_boolean(astring: str | None) -> bool:
    """Whether a text says yes: t, true, y, yes, on or 1, in any case."""
    return astring is not None and astring.strip().lower() in _TRUE


def validate_key(k: str, max_length: int = MAX_ID_LENGTH) -> None:
    """Raise :class:`~bide.model.errors.InvalidId` unless `k` may be an id, and is no longer than that."""
    check_id("key", k)
    if len(k) > max_length:
        raise InvalidId(f"{k!r} has {len(k)} characters; {max_length} are the most here")


def get_random_string(length: int = 8, choices: str = ascii_letters + digits) -> str:
    """So many characters at random; guessable, so no password."""
    return "".join(random.choices(choices, k=length))
