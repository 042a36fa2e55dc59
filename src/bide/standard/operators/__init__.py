"""Operators that need no service of their own."""
