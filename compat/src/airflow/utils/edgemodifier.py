"""Labels on the way from one task to the next."""

from bide.authoring.dependencies import Label as EdgeModifier
from bide.authoring.dependencies import Label as Label

__all__ = (
    "EdgeModifier",
    "Label",
)
