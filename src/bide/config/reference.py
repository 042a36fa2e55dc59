"""The page ``docs/reference/configuration.md``, made of the settings themselves.

``python -m bide.config.reference > docs/reference/configuration.md`` writes it anew; a test holds it fresh.
"""

from __future__ import annotations

import inspect
import sys

from bide.config.table import sections, setting_rows, show_value

_HEAD = """\
# Configuration

<!-- Written by `python -m bide.config.reference`; change src/bide/config/settings.py instead. -->

Settings are read once at start, from these sources; a later one wins:

1. the defaults below,
2. `airflow.cfg`, as far as Bide has [settings that mean the same](airflow-settings.md),
3. `bide.toml` in the project folder: `[section]`, then `key = value`,
4. the environment: `AIRFLOW__SECTION__KEY` of those settings, then `BIDE__SECTION__KEY`; lists are written with
   commas or as JSON. `BIDE__SECTION__KEY_CMD` is a command that prints the value, `BIDE__SECTION__KEY_SECRET` the
   name under which the [backend of secrets](../guides/connections-and-variables.md) has it,
5. flags of the command.

The project folder is the nearest one from the current folder upwards that has `bide.toml`, `dags/` or
`airflow.cfg`, else `$AIRFLOW_HOME`, else the current folder. State (database, keys, logs, socket, password) lies
in `$BIDE_HOME`, by default `.bide/` in the project folder. A name that no setting has and a value of the wrong
type are refused, with the file and line, variable or flag that gave it. `bide config show` prints each setting's
value and where it comes from.
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for name, struct in sections().items():
        parts.append(f"## [{name}]\n\n{inspect.cleandoc(struct.__doc__ or '')}\n")
        for row in setting_rows().values():
            if row.section != name:
                continue
            parts.append(
                f"### {row.key}\n\n{row.meaning}\n\n"
                f"* Type: {row.type_name}\n"
                f"* Default: `{show_value(row.default)}`\n"
                f"* Variable: `{row.variable}`\n"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(reference_page())
