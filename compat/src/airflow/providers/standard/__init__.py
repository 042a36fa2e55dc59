"""Operators, sensors and triggers that need no service."""
