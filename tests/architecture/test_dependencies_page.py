"""docs/explanation/dependencies.md says for every dependency what it is for, and names no other."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/dependencies.md").read_text()


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[str]) -> list[str]:
    """Distributions of requirement strings such as ``uvicorn[standard]>=0.30``."""
    return sorted(re.match(r"[\w.-]+", requirement)[0] for requirement in requirements)  # type: ignore[index]


def listed(text: str) -> list[str]:
    """First cells of the rows of the table in `text` that say something in the second."""
    rows = re.findall(r"^\| ([\w.-]+) \| (.+) \|$", text, re.MULTILINE)
    return [name for name, _ in rows if name != "distribution"]


def test_core_dependencies_are_explained() -> None:
    core, _ = PAGE.split("## By extra")
    assert listed(core) == names(project()["project"]["dependencies"])


def test_dependencies_of_extras_are_explained() -> None:
    _, extras = PAGE.split("## For development")[0].split("## By extra")
    optional = project()["project"]["optional-dependencies"].values()
    assert listed(extras) == names([one for extra in optional for one in extra])


def test_development_dependencies_are_explained() -> None:
    _, development = PAGE.split("## For development")
    assert listed(development) == names(project()["dependency-groups"]["dev"])


def test_example_dependencies_are_explained() -> None:
    for name in names(project()["dependency-groups"]["examples"]):
        assert name in PAGE
