"""Stand-ins for arguments."""

from bide.authoring.not_given import NOTSET as NOTSET
from bide.authoring.not_given import SET_DURING_EXECUTION as SET_DURING_EXECUTION
from bide.authoring.not_given import ArgNotSet as ArgNotSet
from bide.authoring.not_given import SetDuringExecution as SetDuringExecution
from bide.authoring.not_given import is_arg_set as is_arg_set
