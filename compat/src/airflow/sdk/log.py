"""Secrets in logs."""

from bide.observe.masking import mask_secret as mask_secret
