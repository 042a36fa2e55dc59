"""docs/explanation/state-machine.md and the transition table say the same, in both directions."""

import re
from pathlib import Path

from bide.model.states import TRANSITIONS, TaskState

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/state-machine.md").read_text()


def section(title: str) -> str:
    """The text below the heading `title`, to the next heading."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def table(text: str) -> list[list[str]]:
    """Cells of the rows of the only table in `text`, without its header."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_transitions_are_those_of_the_table() -> None:
    on_page = {
        name: (frozenset(sources.split(", ")), target, epoch)
        for name, sources, target, epoch, _ in table(section("The transitions"))
    }
    in_code = {
        name: (frozenset(one.sources), one.target, "new" if one.fences else "same")
        for name, one in TRANSITIONS.items()
    }
    assert on_page == in_code


def test_the_drawing_has_exactly_the_transitions() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)$", PAGE, re.MULTILINE)
    in_code = [(source, one.target, name) for name, one in TRANSITIONS.items() for source in one.sources]
    assert sorted(drawn) == sorted(in_code)


def test_every_state_is_explained() -> None:
    assert [state for state, _ in table(section("The states"))] == [str(state) for state in TaskState]


def test_every_transition_says_when() -> None:
    assert [row[0] for row in table(section("The transitions")) if not row[4]] == []
