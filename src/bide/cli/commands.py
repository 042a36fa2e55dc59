"""The table of commands, each imported only when it is asked for, and how their errors end.

A command that does little must start quickly: nothing but Typer is imported before its name is known.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from bide.model.errors import BideError

#: Command or group by name; the module's ``app`` is it.
COMMANDS: Final[dict[str, str]] = {
    "run": "bide.cli.run.command",
    "standalone": "bide.cli.standalone",
    "scheduler": "bide.cli.scheduler",
    "triggerer": "bide.cli.triggerer",
    "dag-processor": "bide.cli.dag_processor",
    "api-server": "bide.cli.api_alone",
    "dags": "bide.cli.dags",
    "runs": "bide.cli.runs",
    "backfill": "bide.cli.backfill.command",
    "tasks": "bide.cli.tasks",
    "waits": "bide.cli.waits",
    "assets": "bide.cli.assets",
    "pools": "bide.cli.pools",
    "variables": "bide.cli.variables",
    "connections": "bide.cli.connections",
    "provider": "bide.cli.provider.command",
    "migrate": "bide.cli.migrate.command",
    "questions": "bide.cli.questions",
    "db": "bide.cli.db",
    "crypto": "bide.cli.crypto",
    "config": "bide.cli.config",
    "version": "bide.cli.version_command",
}


class Commands(TyperGroup):
    """All commands. Errors of Bide end them with one message and their own exit code, never a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = typer.main.get_command(import_module(module).app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        from bide.model.errors import BideError

        try:
            return super().invoke(ctx)
        except BideError as error:
            raise typer.Exit(report(error)) from error
        except KeyboardInterrupt:
            from bide.cli.exit_codes import ExitCode

            raise typer.Exit(ExitCode.INTERRUPTED) from None


def report(error: BideError) -> int:
    """Say to stderr what `error` is about; its exit code."""
    from bide.cli.exit_codes import exit_code

    typer.secho(f"bide: {error}", err=True, fg=typer.colors.RED)
    return exit_code(error)
