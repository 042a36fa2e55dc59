"""The canonical form of a DAG: the same bytes in every process that reads the same file."""

from __future__ import annotations

from bide.model.dag_spec import DagSpec, TaskSpec, decode_spec, encode_spec


def dag(**fields: object) -> DagSpec:
    return DagSpec(dag_id="d", file="d.py", folder="/dags", tasks=[TaskSpec("a", **fields)])  # type: ignore[arg-type]


def test_a_default_that_was_computed_is_left_out_like_one_that_was_not_given():
    usual = TaskSpec("a")
    computed = {
        name: float(f"{value}") if isinstance(value, float) else "".join(list(value))
        for name in ("cancel_timeout", "queue", "pool")
        if (value := getattr(usual, name)) is not None
    }
    assert encode_spec(dag(**computed)) == encode_spec(dag())


def test_what_was_read_is_written_as_it_was():
    data = encode_spec(dag(cancel_timeout=1.5, retries=2))
    assert b"1.5" in data
    assert encode_spec(decode_spec(data)) == data
