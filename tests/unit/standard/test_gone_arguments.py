"""Arguments of earlier releases that have nothing to take their place."""

from __future__ import annotations

import pytest

from bide import TriggerDagRunOperator
from bide.authoring.construction import gone_argument
from bide.model.errors import InvalidArgument


def test_an_argument_that_is_gone_says_what_to_write_instead() -> None:
    with pytest.raises(InvalidArgument, match="argument 'python_callable': put a ShortCircuitOperator before"):
        TriggerDagRunOperator(task_id="t", trigger_dag_id="d", python_callable=print)  # type: ignore[call-arg]
    assert gone_argument(TriggerDagRunOperator, "nosuch") is None
