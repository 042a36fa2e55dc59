"""Errors of Bide, all in one hierarchy.

    BideError
    ├── AuthoringError            the DAG file says something that can't be
    │   ├── InvalidId
    │   ├── PolicyViolation       a policy does not allow it
    │   ├── PolicySkipDag         a policy leaves the DAG out
    │   ├── DuplicateId
    │   ├── CycleError
    │   ├── InvalidArgument
    │   ├── InvalidSchedule
    │   └── NotSerializable       a value that can't be stored, with its path
    ├── TaskError                 raised in a running task
    │   ├── TaskFailure           fail now, never retry (AirflowFailException)
    │   ├── TaskSkipped           end as skipped (AirflowSkipException)
    │   ├── TaskTimeout           execution_timeout is over
    │   ├── SensorTimeout         a sensor's timeout is over; never retried
    │   ├── DeferralTimeout       a deferral's timeout is over
    │   ├── TriggerFailure        the trigger raised, or ended without an event
    │   ├── ReplayMismatch        a function that waits does not come to the same places again; never retried
    │   ├── JournalFull           too many steps and waits, or too large ones; never retried
    │   └── XComNotFound
    ├── ConfigError               a setting is unknown or has a wrong value
    ├── StoreError
    │   ├── StoreUnavailable      locked, full or unreachable for now: trying again may help
    │   ├── StoreDamaged          the file is no database, or a broken one
    │   ├── StoreSchemaError      made by another version of Bide
    │   └── StoreInUse            another engine holds the store
    ├── NotFound                  no such DAG, run, task, ...
    │   ├── ConnectionNotFound
    │   └── VariableNotFound      also a KeyError
    ├── SecretsBackendError       the backend of secrets has failed
    ├── Conflict                  exists already, or its state does not allow that
    ├── Fenced                    a message came too late: the instance has moved on
    ├── ValueRefused              a stored value is of a class that must not, or can't, be built here
    ├── KeyMissing                a stored value is encrypted with a key that is not there
    └── ProtocolError             a frame that can't be read

Two signals are no errors and pass through ``except Exception``: ``TaskDeferred`` and ``TaskRescheduled`` live in
:mod:`bide.authoring.deferral`.
"""

from __future__ import annotations


class BideError(Exception):
    """Base of every error that Bide raises on purpose."""


class AuthoringError(BideError):
    """A DAG file says something that can't be."""


class InvalidId(AuthoringError):
    """An id has characters or a length that ids can't have."""


class PolicyViolation(AuthoringError):
    """A policy of whoever runs Bide does not allow this."""


class PolicySkipDag(AuthoringError):
    """A policy leaves a DAG out, without calling that an error."""


class DuplicateId(AuthoringError):
    """Two tasks, groups or DAGs have one id."""


class CycleError(AuthoringError):
    """Tasks wait for each other in a circle."""


class InvalidArgument(AuthoringError):
    """An argument of a DAG, operator or trigger is unknown, missing or wrong."""


class InvalidSchedule(AuthoringError):
    """A cron expression or preset that can't be read, or never comes due."""


class NotSerializable(AuthoringError):
    """A value that can't be stored; the message has the path to it."""


class TaskError(BideError):
    """Raised in a running task."""


class TaskFailure(TaskError):
    """Fail the task now; its retries are not used."""


class TaskSkipped(TaskError):
    """End the task as skipped."""


class TaskTimeout(TaskError):
    """The task's ``execution_timeout`` is over."""


class SensorTimeout(TaskError):
    """The sensor's ``timeout`` is over; it is not tried again."""


class DeferralTimeout(TaskError):
    """The ``timeout`` of a deferral is over."""


class TriggerFailure(TaskError):
    """The trigger raised, or ended without an event."""


class ReplayMismatch(TaskError):
    """A function that waits was run again and did not come to where it had been."""


class JournalFull(TaskError):
    """The steps and waits of a function are more than a journal holds."""


class XComNotFound(TaskError):
    """A value that another task should have pushed is not there."""


class ConfigError(BideError):
    """A setting is unknown or has a wrong value."""


class StoreError(BideError):
    """The store can't do what was asked."""


class StoreUnavailable(StoreError):
    """The store is locked, full or unreachable for now."""


class StoreDamaged(StoreError):
    """The store's file is no database, or a broken one."""


class StoreSchemaError(StoreError):
    """The store was made by another version of Bide."""


class StoreInUse(StoreError):
    """Another engine holds the store."""


class SessionLost(StoreError):
    """This engine was silent for so long that others have taken over what it had."""


class NotFound(BideError):
    """There is no such DAG, run, task or other thing."""


class ConnectionNotFound(NotFound):
    """No place where connections are kept has this one."""


class VariableNotFound(NotFound, KeyError):
    """No place where variables are kept has this one."""

    def __str__(self) -> str:
        return str(self.args[0])


class SecretsBackendError(BideError):
    """The backend of secrets has failed."""


class Conflict(BideError):
    """The thing exists already, or its state does not allow what was asked."""


class Fenced(BideError):
    """The message came too late: the instance has moved on to another epoch."""


class Gone(BideError):
    """What is named here has been, and is over."""


class ValueRefused(BideError):
    """A stored value is of a class that must not, or can not, be built in this process."""


class KeyMissing(BideError):
    """A stored value is encrypted with a key that is not there, or is damaged."""


class ArchiveError(BideError):
    """What is to be deleted can't be kept in the archive: it stays."""


class ProtocolError(BideError):
    """A frame that can't be read."""
