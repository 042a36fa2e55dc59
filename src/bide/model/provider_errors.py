"""Errors and warnings that provider packages raise themselves."""

from __future__ import annotations

from typing import ClassVar

from bide.model.errors import BideError


class OptionalFeatureMissing(BideError):
    """A package has a part that needs another package, which is not installed."""


class BadRequest(BideError):
    """A request has a wrong form."""


class ProviderDeprecationWarning(DeprecationWarning):
    """A name or argument of a provider package is going to be removed."""

    #: The release of the provider that began to say so.
    deprecated_provider_since: ClassVar[str | None] = None


class RemovalWarning(DeprecationWarning):
    """A name or argument of Airflow is going to be removed with its next major release."""

    #: The release of Airflow that began to say so.
    deprecated_since: ClassVar[str | None] = None
