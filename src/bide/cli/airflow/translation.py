"""Turns a command line of Airflow's into Bide's, by the table of commands. Pure."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from bide.cli.airflow import shapes
from bide.cli.airflow.commands import COMMANDS
from bide.cli.airflow.options import OUTPUT, Command, Given, Option
from bide.cli.exit_codes import BadInput

_FORMS: Final = ("table", "plain", "json", "yaml")


class Translated(NamedTuple):
    """What to do for a command line of Airflow's."""

    #: Of ``bide``; None if there is nothing to do.
    arguments: list[str] | None
    environment: Mapping[str, str]
    #: To say to the person.
    notes: list[str]
    #: Help that was asked for.
    shown: Sequence[str] = ()
    #: Makes the text to print of the JSON that Bide's command prints; None if that is to be seen as it is.
    render: Callable[[Any], str] | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{self.prog}: {message}")


def translate(given: Sequence[str]) -> Translated:
    """What the arguments of ``airflow`` mean here. Raises :class:`BadInput` with what to use instead."""
    if not given or given[0] in ("-h", "--help"):
        return Translated(None, {}, [], _overview(""))
    if given[0] == "--version":
        given = ["version"]
    command, rest = _find(given)
    if command is None:
        return Translated(None, {}, [], _overview(given[0]))
    if command.instead:
        raise BadInput(f"there is no `airflow {command.path}` here; instead: {command.instead}")
    if not command.bide:
        return Translated(None, {}, [command.said])
    words = command.bide.split()
    if "-h" in rest or "--help" in rest:
        return Translated([*words, "--help"], {}, [])
    values = vars(_parser(command).parse_args(list(rest)))
    notes = [command.said] if command.said else []
    flags: list[str] = []
    for option in command.options:
        if values.get(option.name) in (None, False):
            continue
        if option.refusal is not None:
            raise BadInput(f"airflow {command.path} {option.flags[0]} can't be had here: {option.refusal}")
        if option.note is not None:
            notes.append(f"{option.flags[0]} has no effect: {option.note}")
        if command.shape is None or option is not OUTPUT:
            flags += _as_flags(option, values[option.name])
    render = None
    if command.shape is not None:
        flags += ["--output", "json"]
        render = _renderer(command, values)
    if command.build is not None:
        made = command.build(values)
        return Translated([*words, *made.arguments, *flags], made.environment, notes, render=render)
    placed = [values[place.name] for place in command.places if values[place.name] is not None]
    separator = ["--"] if any(text.startswith("-") for text in placed) else []
    return Translated([*words, *flags, *separator, *placed], {}, notes, render=render)


def _renderer(command: Command, values: Given) -> Callable[[Any], str]:
    form = values.get("output") or "table"
    if form not in _FORMS:
        raise BadInput(f"airflow {command.path} --output is one of {', '.join(_FORMS)}, not {form!r}")

    def render(found: Any) -> str:
        assert command.shape is not None
        return shapes.render(command.shape(found, values), form)

    return render


def _find(given: Sequence[str]) -> tuple[Command | None, Sequence[str]]:
    """The command, and what is left of the line; None for a group that is asked for help."""
    for length in (2, 1):
        if found := COMMANDS.get(" ".join(given[:length])):
            return found, given[length:]
    group = [path for path in COMMANDS if path.startswith(f"{given[0]} ")]
    if group and (len(given) == 1 or given[1] in ("-h", "--help")):
        return None, ()
    wanted = " ".join(given[:2] if group else given[:1])
    close = difflib.get_close_matches(wanted, COMMANDS, n=1)
    hint = f"did you mean `airflow {close[0]}`?" if close else "`bide --help` lists Bide's own commands"
    raise BadInput(f"there is no `airflow {wanted}` here; {hint}")


def _parser(command: Command) -> _Parser:
    # What a command has of its own comes after what many have, and takes their short flags.
    parser = _Parser(prog=f"airflow {command.path}", add_help=False, conflict_handler="resolve")
    for option in command.options:
        more: dict[str, Any] = {} if option.takes_value else {"action": "store_true"}
        parser.add_argument(*option.flags, dest=option.name, **more)
    for place in command.places:
        more = {"nargs": "?"} if place.may_be_missing else {}
        parser.add_argument(place.name, **more)
    return parser


def _as_flags(option: Option, given: Any) -> list[str]:
    if option.to is None:
        return []
    if not option.takes_value:
        return [option.to]
    text = given if option.convert is None else option.convert(given)
    return [] if text is None else [option.to, text]


def _overview(group: str) -> list[str]:
    """The commands of a group, or all, with what each is here."""
    found = [one for one in COMMANDS.values() if not group or one.path.startswith(f"{group} ")]
    width = max(len(one.path) for one in found)
    lines = [f"  {one.path:{width}}  {_summary(one)}" for one in found]
    return ["Airflow's commands, for Bide (`COMMAND --help` tells of one):", *lines]


def _summary(command: Command) -> str:
    if command.bide:
        return f"bide {command.bide}"
    return command.said or f"instead: {command.instead}"
