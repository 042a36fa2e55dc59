"""Provider packages that are installed."""

from bide.authoring.providers import HookInfo as HookInfo
from bide.authoring.providers import ProviderInfo as ProviderInfo
from bide.authoring.providers import ProvidersManager as ProvidersManager
