"""Folders."""

from bide.standard.hooks.filesystem import FSHook as FSHook
