"""Weights of tasks by all rules, against what the rules say in words; strategies of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.priority import PriorityWeightStrategy, WeightRule, total_weights
from bide.authoring.serialize import serialize_dag
from bide.model.errors import InvalidArgument


def made(edges: list[tuple[int, int]], weights: list[int], rules: list[Any]) -> DAG:
    with DAG("d") as dag:
        tasks = [
            BaseOperator(task_id=f"t{number}", priority_weight=weight, weight_rule=rule)
            for number, (weight, rule) in enumerate(zip(weights, rules, strict=True))
        ]
        for before, after in edges:
            tasks[before] >> tasks[after]
    return dag


def reached(number: int, edges: list[tuple[int, int]]) -> set[int]:
    """All that comes after a task, found by walking."""
    found: set[int] = set()
    for before, after in edges:
        if before == number:
            found |= {after} | reached(after, edges)
    return found


@given(st.data())
def test_the_rules_add_what_is_before_or_after(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))
    possible = [(a, b) for b in range(size) for a in range(b)]
    edges = data.draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    weights = data.draw(st.lists(st.integers(-5, 100), min_size=size, max_size=size))
    rules = data.draw(st.lists(st.sampled_from(list(WeightRule)), min_size=size, max_size=size))
    totals = total_weights(made(edges, weights, rules))
    turned = [(b, a) for a, b in edges]
    for number, rule in enumerate(rules):
        others = {
            "absolute": set[int](),
            "downstream": reached(number, edges),
            "upstream": reached(number, turned),
        }[rule]
        assert totals[f"t{number}"] == weights[number] + sum(weights[other] for other in others)


class Doubled(PriorityWeightStrategy):
    """Twice the task's own weight."""

    def get_weight(self, ti: Any) -> int:
        assert (ti.dag_id, ti.try_number, ti.map_index) == ("d", 1, -1)
        assert ti.task.task_id == ti.task_id
        return 2 * ti.priority_weight


@pytest.mark.parametrize("rule", [Doubled(), Doubled, f"{__name__}.Doubled"])
def test_a_strategy_says_what_it_wants(rule: Any) -> None:
    dag = made([(0, 1)], [3, 4], [rule, "downstream"])
    assert total_weights(dag) == {"t0": 6, "t1": 4}
    assert [task.priority_weight for task in serialize_dag(dag, file="/d.py", folder="/").tasks] == [6, 4]


def test_weights_stay_within_what_the_store_takes() -> None:
    assert total_weights(made([(0, 1)], [2**31, 2**31], ["downstream"] * 2)) == {"t0": 2**31 - 1, "t1": 2**31 - 1}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("no.such.Strategy", "weight_rule 'no.such.Strategy' can't be found"),
        (5, "weight_rule must be downstream, upstream, absolute, or a PriorityWeightStrategy, not 5"),
        (
            type("Odd", (), {"get_weight": lambda self, ti: "much"})(),
            r"Odd.get_weight\(\) must return an integer",
        ),
    ],
)
def test_what_is_no_rule_is_refused(rule: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        total_weights(made([], [1], [rule]))
