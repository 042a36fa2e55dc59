"""What stands for mapped tasks: themselves."""

from bide.authoring.mapping import MappedOperator as SerializedMappedOperator

__all__ = ("SerializedMappedOperator",)
