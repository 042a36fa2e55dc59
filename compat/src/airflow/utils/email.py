"""Sending mail."""

from bide.standard.mail import build_mime_message as build_mime_message
from bide.standard.mail import send_email as send_email
