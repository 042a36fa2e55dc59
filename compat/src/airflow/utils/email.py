"""Sending mail."""

from bide.standard.mail import send_email as send_email
