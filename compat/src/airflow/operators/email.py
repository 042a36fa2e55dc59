"""Mail."""

from bide.standard.operators.email import EmailOperator as EmailOperator
