"""The path of a try's log: names of users can't lead out of the folder, and no two tries share a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import ConfigError
from bide.model.log_path import check_log_template, log_path

DATE = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def path(
    dag_id: str = "etl",
    task_id: str = "load",
    logical_date: datetime | None = DATE,
    run_id: str = "manual__1",
    map_index: int = -1,
    try_number: int = 1,
    **more: str,
) -> str:
    return str(
        log_path(
            dag_id,
            task_id,
            logical_date=logical_date,
            run_id=run_id,
            map_index=map_index,
            try_number=try_number,
            **more,
        )
    )


def test_the_default_is_dag_task_date_and_attempt() -> None:
    assert path(try_number=3) == "etl/load/2026-03-29T01:30:00+00:00/3.log"


def test_the_date_is_written_in_utc() -> None:
    there = DATE.astimezone(timezone(timedelta(hours=5)))
    assert path(logical_date=there) == path()


def test_without_a_logical_date_the_run_id_takes_its_place() -> None:
    assert path(logical_date=None) == "etl/load/manual__1/1.log"


def test_a_mapped_instance_has_its_index_before_the_file() -> None:
    assert path(map_index=0) == "etl/load/2026-03-29T01:30:00+00:00/0/1.log"


def test_a_template_may_place_the_index_itself() -> None:
    template = "{dag_id}/{task_id}/{run_id}/{attempt}-{map_index}.log"
    assert path(map_index=7, template=template) == "etl/load/manual__1/1-7.log"


def test_an_index_folder_is_left_out_where_the_instance_is_not_mapped() -> None:
    template = "{dag_id}/{run_id}/{task_id}/{map_index}/{try_number}.log"
    assert path(template=template) == "etl/manual__1/load/1.log"


def test_names_of_dots_do_not_climb() -> None:
    assert path(dag_id="..", task_id=".") == "%2E%2E/%2E/2026-03-29T01:30:00+00:00/1.log"


def test_a_long_name_beside_literal_text_is_shortened_but_stays_apart() -> None:
    template = "dag_id={dag_id}/task_id={task_id}/{run_id}/{attempt}.log"
    one = PurePosixPath(path(dag_id="d" * 250, template=template))
    two = PurePosixPath(path(dag_id="d" * 249 + "e", template=template))
    assert one != two
    assert all(len(part.encode()) <= 255 for part in one.parts + two.parts)


@given(dag_id=st.text(min_size=1, max_size=40), run_id=st.text(min_size=1, max_size=40), index=st.integers(-1, 9))
def test_no_name_leads_out_of_the_folder(dag_id: str, run_id: str, index: int) -> None:
    found = PurePosixPath(path(dag_id=dag_id, run_id=run_id, logical_date=None, map_index=index))
    assert not found.is_absolute()
    assert ".." not in found.parts
    assert "\x00" not in str(found)
    assert len(found.parts) == (4 if index == -1 else 5)


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{dag_id}/{task_id}/{run_id}.log", "must name attempt"),
        ("{dag_id}/{task_id}/{attempt}.log", "must name execution_date or run_id"),
        ("{dag}/{task_id}/{run_id}/{attempt}.log", "names 'dag'"),
        ("/var/{dag_id}/{task_id}/{run_id}/{attempt}.log", "must stay below"),
        ("../{dag_id}/{task_id}/{run_id}/{attempt}.log", "must stay below"),
        ("{dag_id}/{task_id}/{run_id}/{attempt}/", "names a folder"),
        ("{dag_id/{task_id}", "can't be read"),
    ],
)
def test_a_template_that_would_mix_tries_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        check_log_template(template)
