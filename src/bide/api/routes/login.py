"""Credentials for a token."""

from __future__ import annotations

from fastapi import APIRouter

from bide.api import models
from bide.api.problems import NotAuthenticated
from bide.api.services import Given

router = APIRouter(prefix="/auth", tags=["login"])


@router.post("/token", status_code=201, responses={401: {"model": models.Problem}})
async def create_token(body: models.Login, services: Given) -> models.Token:
    """A token that stands for the user until it expires."""
    if not services.accounts.check_password(body.username, body.password):
        raise NotAuthenticated("wrong user name or password")
    return models.Token(access_token=services.accounts.issue_token(), expires_in=services.accounts.token_lifetime)
