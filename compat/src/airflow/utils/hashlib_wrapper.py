"""Digests."""

from bide.standard.machine import md5 as md5
