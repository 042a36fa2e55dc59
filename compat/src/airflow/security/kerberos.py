"""Tickets of Kerberos."""

from bide.standard.kerberos import renew_from_kt as renew_from_kt
