"""Hooks that need no service."""
