"""The base of triggers, and their events."""

from bide.authoring.event_trigger import BaseEventTrigger as BaseEventTrigger
from bide.authoring.start_trigger import StartTriggerArgs as StartTriggerArgs
from bide.authoring.trigger import BaseTrigger as BaseTrigger
from bide.authoring.trigger import TaskFailedEvent as TaskFailedEvent
from bide.authoring.trigger import TaskFailureEvent as TaskFailureEvent
from bide.authoring.trigger import TaskSkippedEvent as TaskSkippedEvent
from bide.authoring.trigger import TaskSuccessEvent as TaskSuccessEvent
from bide.authoring.trigger import TriggerEvent as TriggerEvent
