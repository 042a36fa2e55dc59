"""Labels between tasks."""

from bide.authoring.dependencies import Label as EdgeModifier
from bide.authoring.dependencies import Label as Label

__all__ = (
    "EdgeModifier",
    "Label",
)
