""" "Did you mean" in error messages."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``"; did you mean 'retries'?"``, or nothing if no name of `known` is like `wrong`."""
    from difflib import get_close_matches  # only errors need it, and `import bide` is to be cheap

    near = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
