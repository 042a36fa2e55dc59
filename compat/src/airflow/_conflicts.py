"""Refuses to run beside distributions that install modules of the same names."""

from importlib.metadata import PackageNotFoundError, version

#: Each brings modules that this distribution has, too: one of the two would win at random.
CONFLICTING = (
    "apache-airflow",
    "apache-airflow-core",
    "apache-airflow-task-sdk",
    "apache-airflow-providers-standard",
)


def refuse_conflicts() -> None:
    """Raise :class:`ImportError` naming what is installed in the way, if anything is."""
    found = [f"{name} {installed}" for name in CONFLICTING if (installed := _version(name)) is not None]
    if found:
        names = " ".join(entry.split()[0] for entry in found)
        raise ImportError(
            f"bide-airflow provides the package 'airflow', and so does {', '.join(found)}, which is installed here "
            f"too. Run 'pip uninstall {names}' and install bide-airflow again, or remove bide-airflow"
        )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
