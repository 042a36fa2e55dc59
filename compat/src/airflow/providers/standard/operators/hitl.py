"""Human in the loop."""

from bide.standard.operators.hitl import ApprovalOperator as ApprovalOperator
from bide.standard.operators.hitl import HITLBranchOperator as HITLBranchOperator
from bide.standard.operators.hitl import HITLEntryOperator as HITLEntryOperator
from bide.standard.operators.hitl import HITLOperator as HITLOperator
