"""The canonical form of a DAG: the same bytes in every process that reads the same file."""

from __future__ import annotations

from bide.model.dag_spec import (
    DagSpec,
    GroupSpec,
    TaskSpec,
    decode_spec,
    differ_in_dates_only,
    encode_spec,
    spec_hash,
)


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


def test_the_order_of_a_set_is_no_other_version():
    one = DagSpec("d", "d.py", "/dags", (TaskSpec("a"), TaskSpec("b")), (GroupSpec("x"), GroupSpec("y")))
    other = DagSpec("d", "d.py", "/dags", (TaskSpec("b"), TaskSpec("a")), (GroupSpec("y"), GroupSpec("x")))
    assert spec_hash(one) == spec_hash(other)
    assert spec_hash(one) != spec_hash(DagSpec("d", "d.py", "/dags", (TaskSpec("a"),)))


def test_addresses_in_texts_are_no_other_version():
    def said(text: str) -> str:
        return spec_hash(dag(doc=text))

    assert said("<function f at 0x7f21b5c8a340>") == said("<function f at 0x55d0c1e2f4b0>")
    assert said("<function f at 0x7f21b5c8a340>") != said("<function g at 0x7f21b5c8a340>")
    assert said("mask 0xffff0000") != said("mask 0x0000ffff"), "a number is not an address"


def test_dates_are_told_from_other_differences():
    base = {"dag_id": "d", "file": "d.py", "folder": "/dags"}
    one = DagSpec(**base, start_date="2026-01-01T00:00:00+00:00")
    other = DagSpec(**base, start_date="2026-01-02T00:00:00+00:00", end_date="2027-01-01T00:00:00+00:00")
    assert spec_hash(one) != spec_hash(other)
    assert differ_in_dates_only(one, other)
    assert not differ_in_dates_only(one, DagSpec(**base, start_date=one.start_date, catchup=True))
