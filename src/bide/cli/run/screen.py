"""Where a run is shown while it goes on: on a terminal, in a pipe, or nowhere."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final, Protocol

from bide.cli.options import Output
from bide.cli.run.picture import RunPicture

#: Lines of the display that are not tasks.
_FRAME_LINES: Final = 5
_FEWEST_ROWS: Final = 3


class Screen(Protocol):
    """Shows pictures of one run."""

    #: Whether it shows tasks; otherwise a picture without them will do.
    wants_tasks: bool
    #: Seconds after which a picture is shown again even if nothing has changed: durations go on.
    refresh: float

    def show(self, picture: RunPicture, now: datetime) -> None:
        """Show `picture`; `now` is in the zone of the person."""
        ...

    def note(self, message: str) -> None:
        """Say something about the run."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def make_screen(output: Output) -> Screen:
    """The screen for this process's stdout."""
    if output is Output.JSON:
        return SilentScreen()
    return LiveScreen() if sys.stdout.isatty() else LineScreen()


class SilentScreen:
    """Says nothing on stdout."""

    wants_tasks = False
    refresh = 1.0

    def show(self, picture: RunPicture, now: datetime) -> None:
        """Nothing is shown."""

    def note(self, message: str) -> None:
        """Say it to stderr."""
        sys.stderr.write(message + "\n")

    def close(self) -> None:
        """Nothing is open."""


class LineScreen:
    """Prints a line for each change."""

    wants_tasks = True
    refresh = 1.0

    def __init__(self) -> None:
        self._last: RunPicture | None = None

    def show(self, picture: RunPicture, now: datetime) -> None:
        """Print what has changed since the last picture."""
        from bide.cli.run.lines import change_lines

        for line in change_lines(self._last, picture, now):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        self._last = picture

    def note(self, message: str) -> None:
        """Print a line."""
        sys.stdout.write(message + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is open."""


class LiveScreen:
    """Draws a table over itself."""

    wants_tasks = True
    refresh = 0.25

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")

    def show(self, picture: RunPicture, now: datetime) -> None:
        """Draw `picture` in the place of the last one."""
        from bide.cli.run.display import draw_run

        # Not before there is something to draw: an error that comes first finds the terminal as it was.
        self._live.start()
        rows = max(self._console.height - _FRAME_LINES, _FEWEST_ROWS)
        self._live.update(draw_run(picture, now, rows=rows), refresh=True)

    def note(self, message: str) -> None:
        """Print a line above the table."""
        self._console.print(message, style="yellow", markup=False)

    def close(self) -> None:
        """Leave the last picture and show the cursor again."""
        self._live.stop()
