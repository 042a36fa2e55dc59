"""Modules of these names."""
