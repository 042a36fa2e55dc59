"""Tasks that do nothing."""

from bide.standard.operators.empty import EmptyOperator as EmptyOperator
