"""Draws how daylight saving time spread over the world and receded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clock_changes import AFRICA, ASIA, EUROPE, LATIN_AMERICA, NORTHERN_AMERICA, OCEANIA
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

INK, GREY, HAIRLINE, PAPER = "#1f2933", "#6b7785", "#d9d4c7", "#faf8f3"
COLOURS = {
    NORTHERN_AMERICA: "#21506f",
    EUROPE: "#4d8fac",
    ASIA: "#e0a458",
    LATIN_AMERICA: "#c8553d",
    OCEANIA: "#7a9e7e",
    AFRICA: "#8d6a9f",
}
#: From the bottom of the stack to its top.
STACK = tuple(COLOURS)


class Note(NamedTuple):
    """A turning point to point out."""

    year: int
    text: str
    #: Where the text begins, in years and zones.
    at: tuple[float, float]


NOTES = (
    Note(
        1916,
        "1916\nGermany and its allies put\ntheir clocks forward; half\nof Europe follows at once",
        (1911.5, 104),
    ),
    Note(1931, "1930-31\nArgentina begins,\nBrazil and Mexico\nfollow", (1926, 66)),
    Note(1943, "1942-45\nWar Time, all year round,\nin North America", (1937.5, 136)),
    Note(1974, "1973-75\nThe oil crisis\nbrings it back", (1966.5, 118)),
    Note(1981, "1981\nThe Soviet Union joins,\nhalf of Asia with it", (1966.5, 164)),
    Note(1986, "1986-91\nChina tries it", (1982.5, 206)),
    Note(2011, "2011\nRussia stops\nchanging its clocks", (2009, 178)),
    Note(2023, "2023\nMexico, Iran, Jordan\nand Syria have stopped", (2013, 141)),
)


def draw(
    observing: Mapping[str, Sequence[int]],
    changes: Sequence[int],
    *,
    first_year: int,
    zones: int,
    release: str,
    path: Path,
) -> None:
    """Write the picture (PNG) to `path`.

    `observing` has for each region, and `changes` for the world, one number per year from `first_year` on:
    the zones under daylight saving time in that year, and the clock changes. `zones` is how many there are.
    """
    years = range(first_year, first_year + len(changes))
    totals = [sum(region[index] for region in observing.values()) for index in range(len(years))]
    figure = Figure(figsize=(12.8, 8.0), dpi=150, facecolor=PAPER)
    figure.subplots_adjust(left=0.05, right=0.80, top=0.85, bottom=0.09, hspace=0.17)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (5, 1)})
    _headline(figure, years, totals, zones)
    _areas(upper, years, observing)
    _labels(upper, years[-1], observing)
    _notes(upper, dict(zip(years, totals, strict=True)))
    _bars(lower, years, changes)
    figure.text(
        0.05,
        0.022,
        f"IANA time zone data {release}, {zones} zones that differ since 1970. A zone counts in a year of "
        "which it spent at least a day under daylight saving time.",
        color=GREY,
        fontsize=8.5,
    )
    figure.savefig(path)


def _headline(figure: Figure, years: Sequence[int], totals: Sequence[int], zones: int) -> None:
    peak = max(totals)
    at_peak = years[totals.index(peak)]
    figure.text(0.05, 0.935, "The rise and retreat of daylight saving time", color=INK, fontsize=22, weight="bold")
    figure.text(
        0.05,
        0.897,
        f"Time zones that observed daylight saving in each year. At most {peak} of {zones} did, in "
        f"{at_peak}; {totals[-1]} do in {years[-1]}.",
        color=GREY,
        fontsize=12,
    )


def _areas(axes: Axes, years: Sequence[int], observing: Mapping[str, Sequence[int]]) -> None:
    axes.stackplot(
        years,
        [observing[region] for region in STACK],
        colors=list(COLOURS.values()),
        edgecolor=PAPER,
        linewidth=0.7,
        zorder=2,
    )
    axes.set_xlim(years[0], years[-1] + 0.4)
    axes.set_ylim(0, 225)
    axes.yaxis.set_major_locator(MultipleLocator(50))
    _plain(axes)


def _labels(axes: Axes, year: int, observing: Mapping[str, Sequence[int]]) -> None:
    """The regions' names beside their areas, pushed apart where the areas are thin."""
    base, lowest = 0.0, 0.0
    for region in STACK:
        height = observing[region][-1]
        y = max(base + height / 2, lowest)
        axes.annotate(
            f"{height}  {region}",
            (year + 0.3, base + height / 2),
            xytext=(year + 2, y),
            color=COLOURS[region],
            fontsize=10,
            weight="bold",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": COLOURS[region],
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )
        base += height
        lowest = y + 9


def _notes(axes: Axes, totals: Mapping[int, int]) -> None:
    clear = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.2}
    for note in NOTES:
        if note.year not in totals:
            continue
        head, _, rest = note.text.partition("\n")
        x, y = note.at
        lines = rest.count("\n") + 1
        style = {"color": INK, "fontsize": 8.8, "va": "bottom", "zorder": 4, "bbox": clear}
        axes.text(x, y, rest, linespacing=1.25, **style)
        axes.text(x, y + lines * 7.4 + 1.0, head, weight="bold", **style)
        axes.plot((note.year, note.year), (totals[note.year], y - 2), color=INK, linewidth=0.7, zorder=3)
        axes.plot(note.year, totals[note.year], "o", color=INK, markersize=3.2, zorder=5)


def _bars(axes: Axes, years: Sequence[int], changes: Sequence[int]) -> None:
    axes.bar(years, changes, width=0.72, color="#a3a9ad", zorder=2)
    axes.yaxis.set_major_locator(MultipleLocator(200))
    axes.xaxis.set_major_locator(MultipleLocator(10))
    axes.set_ylim(0, max(changes) * 1.12)
    axes.set_title(
        "How often clocks were put forward or back in that year, all zones together",
        color=GREY,
        fontsize=9.5,
        loc="left",
        pad=5,
    )
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.set_facecolor(PAPER)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8, zorder=0)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=GREY)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
