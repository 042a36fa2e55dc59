"""Functions that wait, replayed against a keeper in memory: each step is done once, answers stay the same."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bide import DeferralTimeout, ReplayMismatch, SignalTrigger, TriggerFailure, gather, step, step_key, wait
from bide.authoring.journal import Journal, TaskSuspended, keeping
from bide.authoring.runtime import NoRuntime
from bide.model.errors import InvalidArgument, JournalFull, NotSerializable
from bide.model.journal import MAX_ENTRIES, JournalEntry, read_entry, write_entry
from bide.model.values import decode, encode


class Keeper:
    """Keeps one task's journal, and ends its waits."""

    def __init__(self, answer: Callable[[TaskSuspended], Any] = lambda _: None) -> None:
        self.answer = answer
        self.entries: dict[str, JournalEntry] = {}
        self.resumed: str | None = None
        self.try_number = 1
        self.segments = 0

    def journal_entries(self) -> Sequence[JournalEntry]:
        return [read_entry(write_entry(entry)) for entry in self.entries.values()]

    def resumed_wait(self) -> str | None:
        return self.resumed

    def record_entries(self, entries: Sequence[JournalEntry]) -> None:
        self.entries.update((entry.key, entry) for entry in entries)

    def segment(self, function: Callable[[], Any], *, replay: bool = True, **inputs: Any) -> Any:
        """Run `function` once; what it returns, or the signal by which it left."""
        self.segments += 1
        journal = Journal(self, try_number=self.try_number, replay=replay, inputs=lambda: inputs)
        with keeping(journal):
            try:
                self.frozen = journal.frozen_inputs()
                result = function()
            except TaskSuspended as left:
                self.record_entries(left.entries)
                self.resumed = left.entries[-1].key
                return left
        journal.check_end()
        return result

    def end_wait(self, value: Any) -> None:
        """End the wait that the last segment left for: with an event, or with an exception's text."""
        assert self.resumed is not None
        failed = isinstance(value, Exception)
        self.entries[self.resumed] = msgspec.structs.replace(
            self.entries[self.resumed],
            status="failed" if failed else "done",
            value=encode(str(value) if failed else value, what="event"),
            timed_out=isinstance(value, TimeoutError),
        )

    def run(self, function: Callable[[], Any], **fields: Any) -> Any:
        """Run `function` to its end."""
        while isinstance(left := self.segment(function, **fields), TaskSuspended):
            self.end_wait(self.answer(left))
        return left

    def retry(self) -> None:
        self.try_number += 1
        self.resumed = None


def names(left: TaskSuspended) -> str:
    assert isinstance(left.trigger, SignalTrigger)
    return left.trigger.name


# A program: nested loops, branches on what waits gave, steps.
Program = list[Any]
programs = st.recursive(
    st.lists(st.sampled_from(["wait", "step"]), max_size=4),
    lambda inner: st.lists(
        st.one_of(
            st.sampled_from(["wait", "step"]),
            st.tuples(st.just("loop"), st.integers(0, 3), inner),
            st.tuples(st.just("branch"), inner, inner),
        ),
        max_size=4,
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(programs, st.lists(st.integers(0, 5), min_size=1), st.booleans())
def test_any_function_does_each_step_once_and_sees_the_same_again(
    program: Program, answers: list[int], is_async: bool
) -> None:
    calls: Counter[str] = Counter()
    seen: list[list[Any]] = []
    asked = 0

    def answer(_: TaskSuspended) -> int:
        nonlocal asked
        asked += 1
        return answers[asked % len(answers)]

    def do() -> int:
        calls[step_key()] += 1
        return sum(calls.values())

    def play(part: Program, say: Callable[[Any], None]) -> None:
        last = 0
        for one in part:
            if one == "wait":
                last = wait(SignalTrigger("s"))
                say(last)
            elif one == "step":
                last = step(do)
                say(last)
            elif one[0] == "loop":
                for _ in range(one[1]):
                    play(one[2], say)
            else:
                play(one[1] if last % 2 else one[2], say)

    async def play_async(part: Program, say: Callable[[Any], None]) -> None:
        last = 0
        for one in part:
            if one == "wait":
                last = await wait(SignalTrigger("s"))
                say(last)
            elif one == "step":
                last = await step(do)
                say(last)
            elif one[0] == "loop":
                for _ in range(one[1]):
                    await play_async(one[2], say)
            else:
                await play_async(one[1] if last % 2 else one[2], say)

    def function() -> list[Any]:
        said: list[Any] = []
        seen.append(said)
        if is_async:
            asyncio.run(play_async(program, said.append))
        else:
            play(program, said.append)
        return said

    keeper = Keeper(answer)
    result = keeper.run(function)
    assert all(count == 1 for count in calls.values())
    # Each segment comes to where the one before it was left, with the same answers.
    for before, after in itertools.pairwise(seen):
        assert after[: len(before)] == before
    assert keeper.segments == asked + 1
    keeper.retry()
    assert keeper.run(function) == result


def test_a_wait_that_fails_raises_what_it_is() -> None:
    answers = iter([ValueError("broken"), TimeoutError("too late"), "fine"])
    keeper = Keeper(lambda _: next(answers))

    def function() -> list[str]:
        said: list[str] = []
        for error in (TriggerFailure, DeferralTimeout):
            try:
                wait(SignalTrigger("s"))
            except error as failure:
                said.append(str(failure))
        return [*said, wait(SignalTrigger("s"))]

    assert keeper.run(function) == ["broken", "too late", "fine"]


def test_a_retry_does_again_what_failed_and_keeps_what_did_not() -> None:
    calls: list[int] = []
    answers = iter(["kept", ValueError("no"), "yes"])
    keeper = Keeper(lambda _: next(answers))

    def function() -> list[Any]:
        return [step("one", lambda: calls.append(1) or 1), wait(SignalTrigger("a")), wait(SignalTrigger("b"))]

    with pytest.raises(TriggerFailure, match="no"):
        keeper.run(function)
    keeper.retry()
    assert keeper.run(function) == [1, "kept", "yes"]
    assert calls == [1]


def test_without_replay_a_retry_begins_afresh() -> None:
    calls: list[int] = []
    keeper = Keeper()

    def function() -> str:
        step("one", lambda: calls.append(1))
        return step(step_key)

    first = keeper.run(function, replay=False)
    keeper.retry()
    assert keeper.run(function, replay=False) != first
    assert calls == [1, 1]


def test_inputs_are_those_of_the_first_segment() -> None:
    keeper = Keeper()
    keeper.segment(lambda: step("one", int), given=1)
    assert keeper.frozen is None
    keeper.segment(lambda: None, given=2)
    assert keeper.frozen == {"given": 1}


def test_inputs_that_cannot_be_stored_are_named() -> None:
    with pytest.raises(NotSerializable, match=r"arguments of a function that waits\['client'\] is an object"):
        Keeper().segment(lambda: wait(SignalTrigger("s")), client=object())


def test_steps_give_what_was_stored() -> None:
    assert Keeper().segment(lambda: step("pair", lambda: {"t": (1, 2), 3: dt.timedelta(1)})) == {
        "t": (1, 2),
        3: dt.timedelta(1),
    }


def test_what_a_step_raises_is_not_kept() -> None:
    keeper = Keeper()
    tries = iter([ValueError("once"), "fine"])

    def flaky() -> str:
        found = next(tries)
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.raises(ValueError, match="once"):
        keeper.segment(lambda: step(flaky))
    assert keeper.segment(lambda: step(flaky)) == "fine"


def test_gathered_steps_are_kept_even_if_another_fails() -> None:
    done: list[int] = []

    async def good(number: int) -> int:
        done.append(number)
        return number

    async def bad() -> None:
        if not done[1:]:
            raise ValueError("bad")

    async def function() -> Any:
        return await gather(step(bad), step(good, 1))

    keeper = Keeper()
    with pytest.raises(ValueError, match="bad"):
        keeper.segment(lambda: asyncio.run(function()))
    done.append(2)
    assert keeper.segment(lambda: asyncio.run(function())) == [None, 1]
    assert done == [1, 2]


def test_an_await_that_is_left_out_is_noticed() -> None:
    async def forgets(what: Callable[[], Any]) -> str:
        what()
        return "too early"

    for what in (
        lambda: wait(dt.timedelta(hours=1)),
        lambda: step("s", int),
        lambda: gather(dt.timedelta(hours=1)),
    ):
        with pytest.raises(InvalidArgument, match=r"#1 at .*test_journal.py:\d+ in .* was never awaited"):
            Keeper().segment(lambda what=what: asyncio.run(forgets(what)))


def test_what_is_awaited_later_or_as_a_part_is_not_missed() -> None:
    async def function() -> Any:
        later = step("later", int)
        task = asyncio.ensure_future(step("task", int))
        both = await gather(step("a", int), wait(SignalTrigger("b")))
        return [await task, await later, both]

    keeper = Keeper(names)
    keeper.segment(lambda: asyncio.run(function()))
    keeper.end_wait({0: "said"})
    assert keeper.segment(lambda: asyncio.run(function())) == [0, 0, [0, "said"]]


@pytest.mark.parametrize(
    ("what", "hint"),
    [
        ("s", "write SignalTrigger(...)"),
        (SignalTrigger, "write SignalTrigger(...)"),
        (3, "write timedelta(seconds=3)"),
        (None, "not None$"),
    ],
)
def test_a_wrong_wait_says_what_to_write(what: Any, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=hint.replace("(", r"\(").replace(")", r"\)")):
        Keeper().segment(lambda: wait(what))


def test_a_changed_order_is_fine_while_the_keys_match() -> None:
    keeper = Keeper(names)
    before = [lambda: step("a", int), lambda: wait(SignalTrigger("w")), lambda: wait(SignalTrigger("v"))]
    keeper.segment(lambda: [one() for one in before])
    keeper.end_wait("w")
    # A step more, and the order of the others changed.
    after = [lambda: wait(SignalTrigger("w")), lambda: step("new", str), lambda: step("a", int)]
    assert keeper.segment(lambda: [one() for one in after]) == ["w", "", 0]


def test_a_mismatch_names_both_lines() -> None:
    keeper = Keeper()
    keeper.segment(lambda: wait(SignalTrigger("w")))
    keeper.end_wait(1)
    with pytest.raises(
        ReplayMismatch, match=r"w#1 was a wait at .*test_journal.py:\d+ in .* and is a step at .*:\d+"
    ):
        keeper.segment(lambda: step("w", int))
    with pytest.raises(ReplayMismatch, match=r"waited for w#1 at .*:\d+ .*, and it waits for other#1 at .*:\d+ in"):
        keeper.segment(lambda: wait(SignalTrigger("other")))
    with pytest.raises(ReplayMismatch, match="it ends without coming there"):
        keeper.segment(lambda: None)


def test_a_signal_that_is_caught_is_noticed() -> None:
    def goes_on() -> None:
        try:
            wait(SignalTrigger("s"))
        except BaseException:
            step("more", int)

    with pytest.raises(ReplayMismatch, match="let BaseException pass"):
        Keeper().segment(goes_on)


def test_a_journal_is_bounded() -> None:
    with pytest.raises(JournalFull, match="1000 with 1048576 are allowed"):
        Keeper().segment(lambda: [step("s", int) for _ in range(MAX_ENTRIES + 1)])


def test_a_step_key_is_asked_in_a_step_only() -> None:
    with pytest.raises(InvalidArgument, match="inside the function of a step"):
        Keeper().segment(step_key)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: step("only a name"), "step\\(\\) takes a name, if you like, a function"),
        (step, "step\\(\\) takes"),
        (lambda: step(lambda: 1), "a lambda has no name"),
        (lambda: step("a#b", int), "no '#'"),
        (lambda: wait(3), "takes a timedelta, a datetime or a trigger, not 3"),
        (lambda: wait("approved"), "write SignalTrigger"),
        (lambda: step("outer", lambda: step("inner", int)), "inside a step: outer#1 has to return first"),
    ],
)
def test_mistakes_are_told(ask: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Keeper().segment(ask)


def test_outside_of_a_task_it_is_said_where_it_works() -> None:
    with pytest.raises(
        NoRuntime, match=r"wait\(\) works in @task functions .* an operator waits by self.defer\(\)"
    ):
        wait(SignalTrigger("s"))


def test_entries_are_read_as_written() -> None:
    entry = JournalEntry("a#1", "wait", "failed", b"1", "line", 2, 3, timed_out=True)
    assert read_entry(write_entry(entry)) == entry
    assert decode(entry.value) == 1
