"""Values without templates."""

from bide.authoring.resolving import Literal as literal

__all__ = ("literal",)
