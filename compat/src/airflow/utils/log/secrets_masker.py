"""Secrets in logs."""

from bide.observe.masking import is_secret_name as should_hide_value_for_key
from bide.observe.masking import mask_secret as mask_secret
from bide.observe.masking import redact as redact

__all__ = ("mask_secret", "redact", "should_hide_value_for_key")
