"""What Airflow keeps in its database is refused with what to use instead."""

import pytest

from bide.standard.sessions import NoDatabase, create_session, provide_session
from bide.standard.tables import DagModel, TaskReschedule, clear_task_instances


@provide_session
def count(table, session=None):
    return (table, session)


def test_a_function_without_a_session_says_what_to_use():
    with pytest.raises(NoDatabase, match=r"count\(\) wants a session .* REST API"):
        count("runs")


def test_a_function_that_is_given_one_goes_on():
    assert count("runs", session="mine") == ("runs", "mine")
    assert count("runs", "mine") == ("runs", "mine")


def test_a_session_can_not_be_made():
    with pytest.raises(NoDatabase, match="no access to Bide's database"), create_session():
        pass


def test_a_function_without_the_parameter_is_refused_at_once():
    with pytest.raises(ValueError, match="has no parameter 'session'"):
        provide_session(lambda: None)


@pytest.mark.parametrize("use", [lambda: DagModel.get_current("etl"), DagModel, lambda: TaskReschedule.ti_id])
def test_a_table_may_be_named_and_not_used(use):
    with pytest.raises(NoDatabase, match="instead"):
        use()


def test_clearing_is_a_command():
    with pytest.raises(NoDatabase, match="bide tasks clear"):
        clear_task_instances([], session=None)
