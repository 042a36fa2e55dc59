"""Shell commands."""

from bide.standard.operators.bash import BashOperator as BashOperator
