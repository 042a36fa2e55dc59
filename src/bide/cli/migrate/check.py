"""``bide migrate check``: how much of a folder of DAG files for Airflow runs as it is."""

from __future__ import annotations

import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import typer

from bide.authoring.zipped import SUFFIX, members, mentions_dags
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.migrate.judging import Finding, Place, check_aliases, judge
from bide.cli.migrate.reading import read_facts
from bide.cli.options import Output, OutputOption
from bide.cli.output import Row, say, show_json, show_rows
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.engine.parsing.listing import Lister, Source

Verdict = Literal["ready", "install", "change"]


#: Begins the advice on a provider package.
_ADD: Final = "bide provider add "


class Checked(NamedTuple):
    """One file."""

    file: str
    verdict: Verdict
    findings: list[Finding]
    #: Whether DAGs are looked for in it; else it is there for others to import.
    is_dag_file: bool


def check(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DAGS_DIR", help="A folder, or one file; by default that of the settings."),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show what runs, but has a newer spelling.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say of each file of a folder for Airflow whether it runs as it is, and what to do where it does not.

    Files are read, not imported. Exit code 1 if one needs a change or a package.
    """
    config = read_config(None)
    place = config.dags_folder if folder is None else folder.absolute()
    if not place.exists():
        raise BadInput(f"there is no folder {place}")
    check_aliases()
    files = check_files(config, place)
    if output is Output.JSON:
        show_json(_as_json(place, files))
    else:
        _show(files, notes=notes)
    if any(one.verdict != "ready" for one in files):
        raise typer.Exit(ExitCode.FAILED)


def check_files(config: Config, place: Path) -> list[Checked]:
    """All Python files in `place` that are not ignored."""
    core = config.settings.core
    listed = Lister(ignore_syntax=core.dag_ignore_file_syntax).list([Source.of(place)])
    folder = place if place.is_dir() else place.parent
    around = [folder, config.plugins_folder, folder.parent / "plugins", folder.parent / "include"]
    found: list[Checked] = []
    for name in sorted(listed, key=Path):
        path = Path(name)
        shown = str(path.relative_to(folder))
        if path.suffix == SUFFIX:
            found += _packed(path, shown, around)
        else:
            findings = judge(read_facts(path.read_bytes()), Place([path.parent, *around]))
            found.append(Checked(shown, _verdict(findings), findings, listed[name].is_dag_file))
    return found


def _packed(path: Path, shown: str, around: Sequence[Path]) -> list[Checked]:
    """The DAG files of a zip."""
    try:
        with zipfile.ZipFile(path) as pack:
            beside = {name.partition("/")[0].removesuffix(".py") for name in pack.namelist()}
        judged = [
            (member, judge(read_facts(member.source), Place(around, frozenset(beside))))
            for member in members(str(path))
            if mentions_dags(member.source)
        ]
    except (OSError, zipfile.BadZipFile) as error:
        broken = Finding(1, "change", "syntax", "", f"it can't be read: {error}")
        return [Checked(shown, "change", [broken], True)]
    return [
        Checked(f"{shown}/{Path(member.path).name}", _verdict(findings), findings, True)
        for member, findings in judged
    ]


def _verdict(findings: Sequence[Finding]) -> Verdict:
    levels = {one.level for one in findings}
    return "change" if "change" in levels else "install" if "install" in levels else "ready"


def _summary(files: Sequence[Checked]) -> dict[str, Any]:
    counted = [one for one in files if one.is_dag_file or one.verdict != "ready"]
    counts = Counter(one.verdict for one in counted)

    def percent(number: int) -> int:
        return 100 * number // len(counted) if counted else 100

    return {
        "files": len(counted),
        "others": len(files) - len(counted),
        "ready": counts["ready"],
        "install": counts["install"],
        "change": counts["change"],
        "percent_ready": percent(counts["ready"]),
        "percent_once_installed": percent(counts["ready"] + counts["install"]),
    }


def _needed(files: Sequence[Checked], kind: str) -> list[Row]:
    """What has to be installed, and how many files need it."""
    counts = Counter(
        name
        for one in files
        for name in {
            finding.advice.partition(";")[0].removeprefix(_ADD) if kind == "provider" else finding.name
            for finding in one.findings
            if finding.kind == kind and finding.level == "install"
        }
    )
    return [{"needed": name, "files": number} for name, number in sorted(counts.items())]


def _as_json(place: Path, files: Sequence[Checked]) -> Row:
    return {
        "folder": str(place),
        "summary": _summary(files),
        "providers": _needed(files, "provider"),
        "packages": _needed(files, "package"),
        "files": [
            {"file": one.file, "verdict": one.verdict, "findings": [finding._asdict() for finding in one.findings]}
            for one in files
        ],
    }


def _show(files: Sequence[Checked], *, notes: bool) -> None:
    rows = [
        {"file": one.file, "line": found.line, "to do": found.level, "name": found.name, "how": found.advice}
        for one in files
        for found in one.findings
        if notes or found.level != "note"
    ]
    if rows:
        show_rows(rows, Output.TABLE)
        sys.stdout.write("\n")
    providers = " ".join(row["needed"] for row in _needed(files, "provider"))
    packages = ", ".join(row["needed"] for row in _needed(files, "package"))
    if providers:
        sys.stdout.write(f"To install the provider packages: {_ADD}{providers}\n")
    if packages:
        sys.stdout.write(f"Modules of other packages that are not installed: {packages}\n")
    late = sum(finding.kind == "catchup" for one in files for finding in one.findings)
    if late:
        sys.stdout.write(
            f"{late} with catchup=True: take over their runs by `bide migrate import`, else all since their start "
            "dates are made anew\n"
        )
    found = _summary(files)
    sys.stdout.write(
        f"{found['ready']} of {found['files']} files run as they are ({found['percent_ready']} %), "
        f"{found['install']} more once packages are installed ({found['percent_once_installed']} %), "
        f"{found['change']} need a change\n"
    )
    if found["others"]:
        sys.stdout.write(f"Not counted: {found['others']} without DAGs, in which nothing is to be changed\n")
    hidden = sum(found.level == "note" for one in files for found in one.findings)
    if hidden and not notes:
        say(f"{hidden} notes on newer spellings and arguments without effect: see --notes")
