"""The Airflow release whose names these are."""

from airflow import __version__ as version

__all__ = ("version",)
