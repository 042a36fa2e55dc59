"""The page ``docs/reference/airflow-settings.md``, made of the tables of names.

``python -m bide.config.airflow.reference > docs/reference/airflow-settings.md`` writes it anew; a test holds it.
"""

from __future__ import annotations

import sys

from bide.config.airflow.names import SECTIONS, SERVED, UNSERVED

_HEAD = """\
# Airflow's settings

<!-- Written by `python -m bide.config.airflow.reference`; change src/bide/config/airflow/names.py instead. -->

Bide reads `airflow.cfg` and variables `AIRFLOW__SECTION__KEY`, so that what is set for Airflow counts here too.
`bide config check --airflow` lists each setting that is given, what it is here, and what to do where it has no
effect.

* The file is the one that `AIRFLOW_CONFIG` names, else `airflow.cfg` in `AIRFLOW_HOME`, else in the project
  folder. A folder with `airflow.cfg` is a project folder; where there is none upwards of the current folder,
  `AIRFLOW_HOME` is. Text behind ` #` is a comment, and `{AIRFLOW_HOME}` stands for the folder of the file.
* Later ones win: defaults, `airflow.cfg`, `bide.toml`, `AIRFLOW__SECTION__KEY`, `BIDE__SECTION__KEY`, flags.
* `AIRFLOW__SECTION__KEY_CMD` (in the file `key_cmd`) is a command that prints the value. So is
  `BIDE__SECTION__KEY_CMD`, for each [setting of Bide's](configuration.md), such as `BIDE__STORE__URL_CMD`. Names
  that end in `_SECRET` have no effect: let a command ask for the secret.
* Settings that are no business of the engine's, such as `[aws] session_factory` or a section of your own, are for
  packages and DAG files, which find them with `conf.get()`; those of Airflow's database and keys nobody is told.
* What Airflow has a default for and DAG files ask for, `conf.get()` finds without any file: `[webserver] base_url`
  and `[api] base_url` (the URL of Bide's API), `[core] executor`, `[logging] base_log_folder`.
* Connections are read from `AIRFLOW_CONN_ID`, variables from `AIRFLOW_VAR_KEY`, as from `BIDE_CONN_ID` and
  `BIDE_VAR_KEY`, which win ([guide](../guides/connections-and-variables.md)).
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    served = [
        f"| `[{section}] {key}` | `[{one.name.replace('.', '] ', 1)}` | {one.note} |"
        for (section, key), one in SERVED.items()
    ]
    unserved = [f"| `[{section}] {key}` | {advice} |" for (section, key), advice in UNSERVED.items()]
    whole = [f"| `[{section}]` | {advice} |" for section, advice in SECTIONS.items() if advice]
    parts = [
        _HEAD,
        "## What is heeded\n\nOf several that mean one setting, the last in this table counts.\n",
        "| in Airflow | in Bide | |\n|---|---|---|",
        *served,
        "\n## What has no effect\n\n| in Airflow | instead |\n|---|---|",
        *unserved,
        "\nAll else in these sections:\n\n| section | instead |\n|---|---|",
        *whole,
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference_page())
