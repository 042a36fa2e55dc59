"""The service that has triggers run, in processes of their own."""

from bide.engine.triggerer.claim_along import ClaimAlong
from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.settings import TriggererSettings
from bide.engine.triggerer.store_control import StoreControl
from bide.engine.triggerer.triggerer import Triggerer

__all__ = ["ClaimAlong", "StoreControl", "TriggerControl", "Triggerer", "TriggererSettings"]
