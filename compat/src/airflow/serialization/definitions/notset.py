"""Stand-ins for arguments."""

from bide.authoring.not_given import NOTSET as NOTSET
from bide.authoring.not_given import ArgNotSet as ArgNotSet
