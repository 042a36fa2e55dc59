"""Commands that pages show are commands, with the options that they have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from bide.cli.app import app

ROOT = Path(__file__).parents[3]


def shown() -> Iterator[Any]:
    """Each line of a code block that calls ``bide``, without what shows a choice in brackets."""
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        text = page.read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for block in [*blocks, *re.findall(r"(?:^    .*\n?)+", text, re.MULTILINE)]:
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                found = re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(bide [^#|;<>&]*)", line.strip())
                if found and "[" not in line and not re.search(r"\w\|\w", line):
                    yield pytest.param(found[1], id=f"{page.stem}: {found[1].strip()}")


@pytest.mark.parametrize("line", list(shown()))
def test_a_command_can_be_typed_as_it_is_shown(line: str) -> None:
    command: Any = get_command(app)
    name, *words = shlex.split(line)
    while hasattr(command, "get_command"):
        group, (name, *words) = command, words
        command = group.get_command(typer.Context(group), name)
        assert command is not None, f"there is no command {name!r}"
    command.make_context(name, words)


def test_pages_show_commands() -> None:
    assert sum(1 for _ in shown()) > 50
