"""The context of running tasks."""

from bide.authoring.context import Context as Context
