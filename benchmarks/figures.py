"""Figures: samples of one quantity, their distribution, and the targets that they are held against."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Statistic = Literal["min", "median", "p95", "p99", "max"]

_RELATIONS: Final[dict[str, Callable[[float, float], bool]]] = {"<=": operator.le, ">=": operator.ge}


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which `share` (0 to 1) of all lie, by the nearest rank. `samples` is not empty."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def distribution(samples: Sequence[float]) -> dict[str, float]:
    """All statistics of `samples`, which are not empty."""
    return {
        "min": min(samples),
        "median": statistics.median(samples),
        "p95": percentile(samples, 0.95),
        "p99": percentile(samples, 0.99),
        "max": max(samples),
    }


@dataclass(frozen=True)
class Target:
    """A bound for one statistic, such as ``Target("median", "<=", 30)``; the unit is the figure's."""

    statistic: Statistic
    relation: Literal["<=", ">="]
    bound: float

    def __str__(self) -> str:
        return f"{self.statistic} {self.relation} {self.bound:g}"

    def met(self, samples: Sequence[float]) -> bool:
        """Whether `samples` keep the bound."""
        return _RELATIONS[self.relation](distribution(samples)[self.statistic], self.bound)


@dataclass(frozen=True)
class Figure:
    """One measured quantity of one system."""

    benchmark: str
    name: str
    unit: str
    samples: list[float]
    targets: tuple[Target, ...] = ()
    #: What a reader should know of this measurement.
    note: str = ""
    #: Filled in by the suite: which system, and the share of all cores (percent) that others used meanwhile.
    system: str = ""
    foreign: float = 0.0

    @property
    def met(self) -> bool | None:
        """Whether all targets are kept; None if there are none."""
        return all(target.met(self.samples) for target in self.targets) if self.targets else None

    def as_json(self) -> dict[str, Any]:
        """A JSON object with the distribution and every sample."""
        return {
            "benchmark": self.benchmark,
            "system": self.system,
            "name": self.name,
            "unit": self.unit,
            "n": len(self.samples),
            **{key: round(value, 6) for key, value in distribution(self.samples).items()},
            "targets": [str(target) for target in self.targets],
            "met": self.met,
            "others_percent_of_machine": round(self.foreign, 1),
            "note": self.note,
            "samples": [round(sample, 6) for sample in self.samples],
        }


@dataclass
class Figures:
    """Figures of one benchmark, in the order in which they were measured."""

    benchmark: str
    found: list[Figure] = field(default_factory=list)

    def add(self, name: str, unit: str, samples: Sequence[float], *targets: Target, note: str = "") -> None:
        """Keep one figure; `samples` must not be empty."""
        if not samples:
            raise ValueError(f"{self.benchmark}: nothing was measured for {name!r}")
        self.found.append(Figure(self.benchmark, name, unit, list(samples), targets, note))
