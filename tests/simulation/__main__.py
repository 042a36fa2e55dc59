"""Run many schedules, or show one."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.schedule import Broken, run_schedule

#: What is counted, and how a trace tells of it.
HAPPENINGS = {
    "segments begun": r"\bstart t\d",
    "events accepted": r"(?!)",
    "engines killed": r"engine \w+ killed",
    "engines cut off": r"engine \w+ cut off",
    "engines paused": r"engine \w+ stands still",
    "takeovers": r"takes over from a lost one",
    "sessions lost": r"has lost its session",
    "workers lost": r"worker of \w+ dies",
    "commands of people": "a person: ",
    "backfills": r"create backfill",
    "events of assets": r"events of the asset",
    "cancels of outside work": r"cancelled for \w+: yes",
}


def main() -> int:
    """0 if every schedule ended as it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("--trace", action="store_true", help="show what happened, step by step")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.count)
    if options.trace:
        for seed in seeds:
            print("\n".join(run_schedule(seed).trace))
        return 0
    began = time.monotonic()
    seen: Counter[str] = Counter()
    with ProcessPoolExecutor(options.workers) as pool:
        for number, (failure, happened) in enumerate(pool.map(_verdict, seeds, chunksize=20)):
            seen.update(happened)
            if failure:
                print(failure, file=sys.stderr)
                seen["broken"] += 1
                if seen["broken"] >= 5:
                    pool.shutdown(cancel_futures=True)
                    break
            seen["ran"] = number + 1
    print(f"{seen['ran']} schedules in {time.monotonic() - began:.0f} s, {seen['broken']} broken")
    print(", ".join(f"{seen[what]} {what}" for what in HAPPENINGS))
    return 1 if seen["broken"] else 0


def _verdict(seed: int) -> tuple[str, dict[str, int]]:
    try:
        world = run_schedule(seed)
    except Broken as error:
        return str(error), {}
    text = "\n".join(world.trace)
    return "", {what: len(re.findall(pattern, text)) for what, pattern in HAPPENINGS.items()} | {
        "events accepted": len(world.accepted)
    }


if __name__ == "__main__":
    sys.exit(main())
