"""Tickets of Kerberos, by the command ``kinit``."""

from __future__ import annotations

import logging
import subprocess
import sys

from bide.authoring.settings import find_setting
from bide.model.errors import ConfigError

_log = logging.getLogger("bide.task")


def renew_from_kt(principal: str | None, keytab: str, exit_on_fail: bool = True) -> int:
    """Get a ticket for `principal` with a file of keys; 0 if there is one then.

    The lifetime in minutes, the cache and the command are ``reinit_frequency``, ``ccache`` and ``kinit_path`` of
    the section ``[kerberos]``. With `exit_on_fail` a failure ends the process, else it is what is returned.
    """
    if not keytab:
        raise ConfigError("kerberos: there is no file of keys; set [kerberos] keytab")
    command = [find_setting("kerberos", "kinit_path") or "kinit"]
    command += ["-r", f"{find_setting('kerberos', 'reinit_frequency') or 3600}m", "-k", "-t", keytab]
    cache = find_setting("kerberos", "ccache")
    if cache:
        command += ["-c", cache]
    command.append(principal or find_setting("kerberos", "principal") or "airflow")
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise ConfigError(f"kerberos: there is no command {command[0]!r}; set [kerberos] kinit_path") from None
    if done.returncode:
        _log.error("%s ended with %d: %s", command[0], done.returncode, (done.stdout + done.stderr).strip())
        if exit_on_fail:
            sys.exit(done.returncode)
    return done.returncode
