"""Names that have moved."""

from bide.standard.moved_names import add_deprecated_classes as add_deprecated_classes
