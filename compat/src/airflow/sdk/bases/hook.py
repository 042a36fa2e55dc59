"""The base of hooks."""

from bide.authoring.hook import BaseHook as BaseHook
