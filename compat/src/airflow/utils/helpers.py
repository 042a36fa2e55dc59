"""Orders of tasks."""

from bide.authoring.dependencies import chain as chain
from bide.authoring.dependencies import cross_downstream as cross_downstream
