"""Labels between tasks."""

from bide.authoring.dependencies import Label as Label
