"""Sending mail."""

from bide.standard.mail import addresses as get_email_address_list
from bide.standard.mail import build_mime_message as build_mime_message
from bide.standard.mail import send_email as send_email
from bide.standard.mail import send_email as send_email_smtp

__all__ = (
    "build_mime_message",
    "get_email_address_list",
    "send_email",
    "send_email_smtp",
)
