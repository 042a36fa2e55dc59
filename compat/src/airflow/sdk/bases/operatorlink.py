"""Links of operators."""

from bide.authoring.links import BaseOperatorLink as BaseOperatorLink
