"""Secrets in logs."""

from bide.observe.masking import is_secret_name as should_hide_value_for_key
from bide.observe.masking import mask_secret as mask_secret
from bide.observe.masking import redact as redact
from bide.standard.secrets_masker import Redactable as Redactable
from bide.standard.secrets_masker import Redacted as Redacted
from bide.standard.secrets_masker import SecretsMasker as SecretsMasker
from bide.standard.secrets_masker import secrets_masker as _secrets_masker

__all__ = (
    "Redactable",
    "Redacted",
    "SecretsMasker",
    "_secrets_masker",
    "mask_secret",
    "redact",
    "should_hide_value_for_key",
)
