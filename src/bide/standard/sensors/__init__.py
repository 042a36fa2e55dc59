"""Sensors that need no service."""
