"""Classes and functions by their paths."""

from bide.authoring.dotted_names import import_string as import_string
from bide.authoring.dotted_names import is_valid_dotpath as is_valid_dotpath
from bide.authoring.dotted_names import iter_namespace as iter_namespace
from bide.authoring.dotted_names import qualname as qualname
