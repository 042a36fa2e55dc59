"""What everyone may ask: how it is, and which version it is."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Final, Literal

import sqlalchemy as sa
from fastapi import APIRouter

from bide.api import models
from bide.api.live import Pulse
from bide.api.services import Given
from bide.model.errors import StoreError

#: Of the distribution, looked up once: that reads files.
VERSION: Final = version("bide")

router = APIRouter(tags=["monitor"])


@router.get("/monitor/health")
async def health(services: Given) -> models.Health:
    """How each part is. Always answered with 200, as long as the API answers at all."""
    pulses = await services.live.pulses()
    scheduler, triggerer, processor = (pulses.get(name) for name in ("scheduler", "triggerer", "dag_processor"))
    try:
        await services.read(lambda tx: tx.conn.execute(sa.text("SELECT 1")).scalar_one())
        store: Literal["healthy", "unhealthy"] = "healthy"
    except StoreError:
        store = "unhealthy"
    return models.Health(
        metadatabase=models.Metadatabase(status=store),
        scheduler=models.SchedulerHealth(
            status=_status(scheduler), latest_scheduler_heartbeat=_heartbeat(scheduler)
        ),
        triggerer=models.TriggererHealth(
            status=_status(triggerer), latest_triggerer_heartbeat=_heartbeat(triggerer)
        ),
        dag_processor=models.DagProcessorHealth(
            status=_status(processor), latest_dag_processor_heartbeat=_heartbeat(processor)
        ),
    )


@router.get("/version")
async def get_version() -> models.Version:
    """The version of Bide."""
    return models.Version(version=VERSION)


def _status(pulse: Pulse | None) -> Literal["healthy", "unhealthy"] | None:
    if pulse is None:
        return None
    return "healthy" if pulse.healthy else "unhealthy"


def _heartbeat(pulse: Pulse | None) -> datetime | None:
    return None if pulse is None else pulse.latest_heartbeat
