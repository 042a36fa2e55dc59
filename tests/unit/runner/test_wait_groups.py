from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.operator import BaseOperator
from bide.authoring.trigger import PollTrigger, TriggerEvent
from bide.model.errors import InvalidArgument, NotSerializable
from bide.runner.wait_groups import code_hash, group_key, queue_of
from bide.standard.triggers.file import FileTrigger


class Poll(PollTrigger):
    def serialize(self) -> Any: ...

    async def poll(self) -> TriggerEvent | None: ...


def test_k20_equal_keys_are_one_group_and_all_else_tells_groups_apart() -> None:
    """K20"""
    key = group_key(Poll, "m.Poll", ("a", 1), "default")
    assert key is not None
    assert len(key) == 64
    assert key == group_key(Poll, "m.Poll", ("a", 1), "default")
    others = {
        group_key(Poll, "m.Poll", ("a", 2), "default"),
        group_key(Poll, "m.Other", ("a", 1), "default"),
        group_key(Poll, "m.Poll", ("a", 1), "other"),
        group_key(FileTrigger, "m.Poll", ("a", 1), "default"),
    }
    assert len(others | {key}) == 5
    assert group_key(Poll, "m.Poll", None, "default") is None


def test_a_key_that_can_not_be_told_from_others_is_refused() -> None:
    with pytest.raises(NotSerializable, match="share_key"):
        group_key(Poll, "m.Poll", object(), "default")


def test_k14_another_version_of_the_code_is_another_group(tmp_path: Path) -> None:
    """K14"""
    path = tmp_path / "watched.py"
    hashes: list[bytes] = []
    for number in range(2):
        path.write_text(f"class One:\n    number = {number}\nclass Two(One): pass\n")
        os.utime(path, (1000 + number, 1000 + number))
        spec = importlib.util.spec_from_file_location("watched", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["watched"] = module
        spec.loader.exec_module(module)
        hashes.append(code_hash(module.Two))
        del sys.modules["watched"]
    assert hashes[0] != hashes[1]


def test_k27_the_queue_is_the_triggers_its_operators_or_the_default_one() -> None:
    """K27"""
    operator = BaseOperator(task_id="t", trigger_queue="of-operator")
    assert queue_of(Poll(trigger_queue="own"), operator) == "own"
    assert queue_of(Poll(), operator) == "of-operator"
    assert queue_of(Poll(), BaseOperator(task_id="t2")) == "default"
    with pytest.raises(InvalidArgument, match="trigger_queue must be 1 to 250"):
        queue_of(Poll(trigger_queue="no spaces, please"))
