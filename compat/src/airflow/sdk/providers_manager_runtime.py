"""Provider packages that are installed."""

from bide.authoring.providers import HookInfo as HookInfo
from bide.authoring.providers import ProvidersManager as ProvidersManagerTaskRuntime

__all__ = (
    "HookInfo",
    "ProvidersManagerTaskRuntime",
)
