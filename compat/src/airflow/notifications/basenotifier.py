"""The base of notifiers."""

from bide.authoring.notifier import BaseNotifier as BaseNotifier
