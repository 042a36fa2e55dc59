"""Settings."""

from bide.standard.configuration import conf as conf
