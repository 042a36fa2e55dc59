"""Moments with time zones."""

from bide.standard.timezone import coerce_datetime as coerce_datetime
from bide.standard.timezone import convert_to_utc as convert_to_utc
from bide.standard.timezone import datetime as datetime
from bide.standard.timezone import from_timestamp as from_timestamp
from bide.standard.timezone import is_localized as is_localized
from bide.standard.timezone import is_naive as is_naive
from bide.standard.timezone import local_timezone as local_timezone
from bide.standard.timezone import make_aware as make_aware
from bide.standard.timezone import make_naive as make_naive
from bide.standard.timezone import parse as parse
from bide.standard.timezone import parse_timezone as parse_timezone
from bide.standard.timezone import utc as utc
from bide.standard.timezone import utc_epoch as utc_epoch
from bide.standard.timezone import utcnow as utcnow
