"""The page ``docs/reference/airflow-settings.md``, made of the tables of names.

``python -m bide.config.airflow.reference > docs/reference/airflow-settings.md`` writes it anew; a test holds it.
"""

from __future__ import annotations

import sys

from bide.config.airflow.names import INNER, SECTIONS, SERVED, UNSERVED

_HEAD = """\
# Airflow's settings

<!-- Written by `python -m bide.config.airflow.reference`; change src/bide/config/airflow/names.py instead. -->

Bide reads `airflow.cfg` and variables `AIRFLOW__SECTION__KEY`, so that what is set for Airflow counts here too.
`bide config check --airflow` lists each setting that is given, what it is here, and what to do where it has no
effect.

* The file is the one that `AIRFLOW_CONFIG` names, else `airflow.cfg` in `AIRFLOW_HOME`, else in the project
  folder. A folder with `airflow.cfg` is a project folder; where there is none upwards of the current folder,
  `AIRFLOW_HOME` is. Text behind ` #` is a comment, `%%` is one `%`, and of a setting that is given twice the last
  counts. `{AIRFLOW_HOME}`, or the variable of that name where it is not set, stands for the folder of the file;
  other variables of the environment, and `~/` at the beginning, are filled in, here and in `AIRFLOW__SECTION__KEY`.
* Later ones win: defaults, `airflow.cfg`, `bide.toml`, `AIRFLOW__SECTION__KEY`, `BIDE__SECTION__KEY`, flags.
* `AIRFLOW__SECTION__KEY_CMD` (in the file `key_cmd`) is a command that prints the value, without a shell.
  `AIRFLOW__SECTION__KEY_SECRET` (in the file `key_secret`) is the name under which the backend of secrets, that of
  `[secrets] backend`, has it: its `get_config()` is asked, in a process of its own that ends thereafter. So it is
  with `BIDE__SECTION__KEY_CMD` and `_SECRET`, for each [setting of Bide's](configuration.md), such as
  `BIDE__STORE__URL_SECRET`. In one place the value as it is wins over the command, and that over the secret, as in
  Airflow; only what wins is asked for. What a command or the backend can't give ends the command of Bide's with one
  line that names the setting. `bide migrate import` asks in the same way for Airflow's database and key.
* Settings that are no business of the engine's, such as `[aws] session_factory` or a section of your own, are for
  packages and DAG files, which find them with `conf.get()`; those of Airflow's database and keys nobody is told.
* What Airflow has a default for and DAG files ask for, `conf.get()` finds without any file: `[webserver] base_url`
  and `[api] base_url` (the URL of Bide's API), `[core] executor`, `[logging] base_log_folder`. Asked without a
  fallback, most other settings of `[core]`, `[logging]`, `[operators]` and `[kubernetes_executor]` are what they
  are in Airflow where nobody sets them.
* Connections are read from `AIRFLOW_CONN_ID`, variables from `AIRFLOW_VAR_KEY`, as from `BIDE_CONN_ID` and
  `BIDE_VAR_KEY`, which win ([guide](../guides/connections-and-variables.md)).
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    served = [
        f"| `[{section}] {key}` | `[{one.name.replace('.', '] ', 1)}` | {one.note} |"
        for (section, key), one in SERVED.items()
    ]
    unserved = [
        f"| `[{section}] {key}` | {advice} |" for (section, key), advice in UNSERVED.items() if advice != INNER
    ]
    inner: dict[str, list[str]] = {}
    for (section, key), advice in UNSERVED.items():
        if advice == INNER:
            inner.setdefault(section, []).append(f"`{key}`")
    whole = [f"| `[{section}]` | {advice} |" for section, advice in SECTIONS.items() if advice]
    parts = [
        _HEAD,
        "## What is heeded\n\nOf several that mean one setting, the last in this table counts.\n",
        "| in Airflow | in Bide | |\n|---|---|---|",
        *served,
        "\n## What has no effect\n\n| in Airflow | instead |\n|---|---|",
        *unserved,
        "\nOf these there is nothing to set, since they are about the inner workings of Airflow:\n",
        "| section | settings |\n|---|---|",
        *(f"| `[{section}]` | {' '.join(keys)} |" for section, keys in inner.items()),
        "\nAll else in these sections:\n\n| section | instead |\n|---|---|",
        *whole,
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference_page())
