"""The context of running tasks."""

from bide.authoring.context import Context as Context
from bide.authoring.context import context_copy_partial as context_copy_partial
from bide.authoring.context import context_merge as context_merge
