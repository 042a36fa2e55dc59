"""Order in a directed graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bide.model.errors import CycleError


def topological_order(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """The nodes of `upstream`, each after those that it names.

    Names that are no key are ignored. Among nodes that may come next, the order of the keys decides, so that equal
    graphs give equal lists. Raises :class:`CycleError`, naming one circle in the direction of the work
    (``a -> b -> a``).
    """
    waiting_for = {node: {before for before in befores if before in upstream} for node, befores in upstream.items()}
    downstream: dict[str, list[str]] = {node: [] for node in upstream}
    for node, befores in waiting_for.items():
        for before in befores:
            downstream[before].append(node)
    position = {node: index for index, node in enumerate(upstream)}
    order: list[str] = []
    layer = [node for node, befores in waiting_for.items() if not befores]
    while layer:
        order.extend(layer)
        ready: list[str] = []
        for node in layer:
            for after in downstream[node]:
                waiting_for[after].discard(node)
                if not waiting_for[after]:
                    ready.append(after)
        layer = sorted(ready, key=position.__getitem__)
    if len(order) < len(waiting_for):
        raise CycleError("tasks wait for each other in a circle: " + " -> ".join(_find_cycle(waiting_for)))
    return order


def _find_cycle(waiting_for: Mapping[str, set[str]]) -> list[str]:
    """One circle among nodes that all wait for another, first and last name equal."""
    node = next(name for name, befores in waiting_for.items() if befores)
    seen: dict[str, int] = {}
    path: list[str] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = min(waiting_for[node])
    circle = path[seen[node] :][::-1]
    start = circle.index(min(circle))
    circle = circle[start:] + circle[:start]
    return [*circle, circle[0]]
