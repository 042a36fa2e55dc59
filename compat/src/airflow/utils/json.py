"""JSON of stored values."""

from bide.authoring.json_values import XComDecoder as XComDecoder
from bide.authoring.json_values import XComEncoder as XComEncoder
