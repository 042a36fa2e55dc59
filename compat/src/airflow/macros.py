"""What templates have as ``macros``."""

from bide.authoring.macros import datetime as datetime
from bide.authoring.macros import datetime_diff_for_humans as datetime_diff_for_humans
from bide.authoring.macros import ds_add as ds_add
from bide.authoring.macros import ds_format as ds_format
from bide.authoring.macros import json as json
from bide.authoring.macros import random as random
from bide.authoring.macros import time as time
from bide.authoring.macros import timedelta as timedelta
from bide.authoring.macros import uuid as uuid

_LATER = {"dateutil": "bide.authoring.macros.dateutil"}
