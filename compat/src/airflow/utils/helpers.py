"""Orders of tasks."""

from bide.authoring.dependencies import chain as chain
from bide.authoring.dependencies import cross_downstream as cross_downstream
from bide.standard.arguments import as_flattened_list as as_flattened_list
from bide.standard.arguments import at_most_one as at_most_one
from bide.standard.arguments import chunks as chunks
from bide.standard.arguments import convert_camel_to_snake as convert_camel_to_snake
from bide.standard.arguments import exactly_one as exactly_one
from bide.standard.arguments import is_container as is_container
from bide.standard.arguments import merge_dicts as merge_dicts
from bide.standard.arguments import prune_dict as prune_dict
from bide.standard.arguments import validate_key as validate_key

__all__ = (
    "as_flattened_list",
    "at_most_one",
    "chain",
    "chunks",
    "convert_camel_to_snake",
    "cross_downstream",
    "exactly_one",
    "is_container",
    "merge_dicts",
    "prune_dict",
    "validate_key",
)
