"""Tests of bide.observe.tracebacks."""

from __future__ import annotations

import pytest

from bide.model.errors import InvalidArgument
from bide.model.ids import check_id
from bide.model.moments import from_unix
from bide.observe.tracebacks import format_error


def show(error: BaseException) -> str:
    return format_error(error, error.__traceback__)


def test_an_error_of_bide_ends_at_the_line_that_called_it() -> None:
    with pytest.raises(InvalidArgument) as caught:
        try:
            check_id("task", "a/b")
        except Exception as error:
            raise InvalidArgument("no such id") from error
    shown = show(caught.value)
    assert "ids.py" not in shown
    assert "InvalidId: 'a/b' can't be a task id" in shown
    assert 'check_id("task", "a/b")' in shown
    assert shown.endswith("InvalidArgument: no such id\n")


def test_other_errors_are_shown_whole() -> None:
    with pytest.raises(TypeError) as caught:
        from_unix("soon")  # type: ignore[arg-type]
    assert "moments.py" in show(caught.value)


def test_without_frames_there_is_only_what_is_said() -> None:
    assert format_error(InvalidArgument("wrong"), None) == "bide.model.errors.InvalidArgument: wrong\n"
