"""Parsing of DAG files: finds them, has them imported in processes of their own, keeps up with their changes."""

from bide.engine.parsing.service import ParsingService

__all__ = ["ParsingService"]
