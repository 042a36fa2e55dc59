"""A program for the job service: counts the clock changes of all zones by asking for their offset every few days.

Reads ``{"first": YEAR, "last": YEAR}`` and writes ``{ZONE: COUNT, ...}``.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from clock_changes import sweep, year_start, zone_info, zones


def main() -> None:
    """Do what standard input asks for."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    start, end = year_start(order["first"]), year_start(order["last"] + 1)
    counts = {zone.name: sum(1 for _ in sweep(zone_info(zone.name), start, end)) for zone in zones()}
    json.dump(counts, sys.stdout)


def _end_with_the_service() -> None:
    sys.stdin.read()  # returns when the other side is gone
    os._exit(1)


if __name__ == "__main__":
    main()
