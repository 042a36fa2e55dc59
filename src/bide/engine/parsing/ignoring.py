"""Files and folders that are no DAG files because somebody says so: ``.airflowignore`` and ``.bideignore``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final, Literal, NamedTuple

import structlog
from pathspec import GitIgnoreSpec

log = structlog.get_logger("bide.parsing")

#: How the lines of ``.airflowignore`` are meant; those of ``.bideignore`` are always globs.
IgnoreSyntax = Literal["glob", "regexp"]

#: In any folder; each counts for that folder and all below it.
IGNORE_FILES: Final = (".airflowignore", ".bideignore")
_COMMENT: Final = re.compile(r"\s*#.*")


class Rules(NamedTuple):
    """What one file asks for."""

    #: Paths are matched as they are called from here.
    folder: PurePath
    #: Lines of a ``.gitignore``.
    globs: GitIgnoreSpec | None = None
    #: What is found in a path anywhere leaves it out.
    patterns: tuple[re.Pattern[str], ...] = ()

    def verdict(self, path: PurePath, *, is_folder: bool) -> bool | None:
        """Whether `path` is left out; None if nothing is said of it."""
        name = path.relative_to(self.folder).as_posix() + ("/" if is_folder else "")
        if self.globs is not None:
            return self.globs.check_file(name).include
        return any(pattern.search(name.removesuffix("/")) for pattern in self.patterns) or None


def read_rules(path: Path, root: PurePath, syntax: IgnoreSyntax) -> Rules | None:
    """The rules of the file `path` somewhere below `root`; None if it can't be read.

    As in Airflow, regular expressions meet paths as they are called from `root`, globs from the file's own folder.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        log.warning("ignore_file_unreadable", path=str(path), error=str(error))
        return None
    if path.name == ".bideignore":
        return Rules(path.parent, GitIgnoreSpec.from_lines(lines))
    lines = [_COMMENT.sub("", line) for line in lines]
    if syntax == "glob":
        return Rules(path.parent, GitIgnoreSpec.from_lines(lines))
    return Rules(root, patterns=tuple(_compiled(path, lines)))


def is_ignored(rules: Iterable[Rules], path: PurePath, *, is_folder: bool) -> bool:
    """Whether `path` is left out by `rules`, of which those of deeper folders, later ones, win."""
    ignored = False
    for one in rules:
        verdict = one.verdict(path, is_folder=is_folder)
        ignored = ignored if verdict is None else verdict
    return ignored


def _compiled(path: Path, lines: Iterable[str]) -> Iterable[re.Pattern[str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield re.compile(line)
        except re.error as error:
            log.warning(
                "ignore_line_skipped",
                path=str(path),
                line=number,
                error=f"{line!r} is no regular expression: {error}; for globs set core.dag_ignore_file_syntax",
            )
