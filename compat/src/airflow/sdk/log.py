"""Secrets in logs."""

from bide.observe.masking import mask_secret as mask_secret
from bide.observe.masking import redact as redact
