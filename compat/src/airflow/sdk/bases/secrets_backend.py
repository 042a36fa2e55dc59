"""Backends of secrets."""

from bide.authoring.secrets_backends import BaseSecretsBackend as BaseSecretsBackend
