"""Distributions, targets and the benchmarks' own tables."""

import json
from io import StringIO
from pathlib import Path

import pytest
from benchmarks import report
from benchmarks.figures import Figure, Figures, Target, distribution
from rich.console import Console


def test_a_distribution_has_nearest_ranks() -> None:
    found = distribution([float(number) for number in range(100, -1, -1)])
    assert found == {"min": 0, "median": 50, "p95": 95, "p99": 99, "max": 100}


def test_a_single_sample_is_all_of_its_distribution() -> None:
    assert set(distribution([7.0]).values()) == {7.0}


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("median", "<=", 2), True),
        (Target("median", "<=", 1.9), False),
        (Target("max", "<=", 2), False),
        (Target("min", ">=", 1), True),
        (Target("median", ">=", 2.1), False),
    ],
)
def test_a_target_judges_its_statistic(target: Target, met: bool) -> None:
    assert target.met([1, 2, 3]) is met


def test_a_figure_meets_its_targets_only_if_all_are_met() -> None:
    both = (Target("median", "<=", 2), Target("max", "<=", 2))
    assert Figure("b", "n", "ms", [1, 2, 3], both).met is False
    assert Figure("b", "n", "ms", [1, 2, 2], both).met is True
    assert Figure("b", "n", "ms", [1]).met is None


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured for 'gap'"):
        Figures("chain").add("gap", "ms", [])


def test_the_table_and_the_file_show_the_figures(tmp_path: Path) -> None:
    figures = [
        Figure("chain", "gap", "ms", [4.0, 5.0, 6.0], (Target("median", "<=", 10),), system="Bide", foreign=2.5),
        Figure("chain", "other", "ms", [40.0], (Target("median", "<=", 10),), system="Bide"),
    ]
    output = StringIO()
    Console(file=output, width=120).print(report.table(figures))
    assert [word in output.getvalue() for word in ("chain: Bide", "median <= 10", "met", "missed")] == [True] * 4
    report.save(tmp_path / "figures.json", figures, [], {"cpus": 2})
    saved = json.loads((tmp_path / "figures.json").read_text())
    assert saved["figures"][0]["samples"] == [4.0, 5.0, 6.0]
    assert [one["met"] for one in saved["figures"]] == [True, False]


def test_another_systems_figures_are_not_judged() -> None:
    output = StringIO()
    figure = Figure("chain", "gap", "ms", [1000.0], (Target("median", "<=", 10),), system="Airflow")
    Console(file=output, width=120).print(report.table([figure]))
    assert "missed" not in output.getvalue()
