"""Which runs the events of assets call for: a function of what is pending, the condition and the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bide.model.assets import AssetCondition, AssetFacts


def split_each(
    condition: AssetCondition, pending: Mapping[AssetFacts, Sequence[str]], most: int
) -> list[tuple[str, ...]]:
    """The events of each of at most `most` runs, where each event is for a run of its own.

    `pending` has the events of each asset, the oldest first. A run takes the oldest event of each asset that its
    condition needs: of an ``any`` the part whose event came first, of an ``all`` one event of each part.
    """
    left = {asset: list(reversed(events)) for asset, events in pending.items()}
    runs: list[tuple[str, ...]] = []
    while len(runs) < most:
        chosen = _choose(condition, {asset: events[-1] for asset, events in left.items() if events})
        if chosen is None:
            break
        runs.append(tuple(sorted(chosen.values())))
        for asset in chosen:
            left[asset].pop()
    return runs


def _choose(condition: AssetCondition, oldest: Mapping[AssetFacts, str]) -> dict[AssetFacts, str] | None:
    """The events of one run; None if there are not enough."""
    if condition.mention is not None:
        mention = condition.mention
        found = [(event, asset) for asset, event in oldest.items() if asset.is_named_by(mention)]
        if not found:
            return None
        event, asset = min(found)
        return {asset: event}
    parts = [_choose(part, oldest) for part in condition.parts]
    enough = [part for part in parts if part is not None]
    if condition.op == "any":
        return min(enough, key=lambda part: min(part.values()), default=None)
    if len(enough) < len(parts):
        return None
    return {asset: event for part in enough for asset, event in part.items()}
