"""Triggers that need no service."""
