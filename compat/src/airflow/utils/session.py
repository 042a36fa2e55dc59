"""Sessions of a database, which code of users does not have."""

from bide.standard.sessions import NEW_SESSION as NEW_SESSION
from bide.standard.sessions import create_session as create_session
from bide.standard.sessions import provide_session as provide_session
