"""How long a deferred sensor may still wait."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bide.authoring.moments import now
from bide.authoring.sensor import BaseSensorOperator

if TYPE_CHECKING:
    from bide.authoring.context import Context


def time_left(sensor: BaseSensorOperator, context: Context) -> dt.timedelta:
    """What is left of the sensor's `timeout`, which counts from the first start of the try, as without deferral."""
    timeout = dt.timedelta(seconds=sensor.timeout)
    started = context["ti"].start_date
    return timeout if started is None else max(timeout - (now() - started), dt.timedelta(0))
