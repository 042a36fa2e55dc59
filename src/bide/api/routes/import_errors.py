"""Why DAG files can't be used."""

from __future__ import annotations

from fastapi import APIRouter

from bide.api import models, views
from bide.api.services import Given, Paged
from bide.store.views import list_import_errors

router = APIRouter(prefix="/importErrors", tags=["Import Error"])


@router.get("")
async def list_all(services: Given, page: Paged) -> models.ImportErrors:
    """Import errors by file."""
    rows, total = await services.read(lambda tx: list_import_errors(tx, page))
    return models.ImportErrors(import_errors=[views.import_error(row) for row in rows], total_entries=total)
