"""``bide questions``: what tasks ask people, and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from bide.cli.exit_codes import BadInput
from bide.cli.opening import look, open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_record, show_rows
from bide.cli.settings import read_config
from bide.cli.task_rows import find_instance
from bide.cli.wait_changes import DagArgument, MapIndexOption, RunOption, TaskArgument
from bide.control.answer_question import answer_question
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.store import questions
from bide.store.questions import QuestionRow

app = typer.Typer(help="What tasks ask people: list, show, answer.", no_args_is_help=True)


@app.command("list")
def list_all(
    dag_id: Annotated[str | None, typer.Argument(help="Only of this DAG.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are answered or over.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the questions that tasks wait for an answer to."""
    config = read_config(dags)

    found = look(config, lambda tx: questions.listed(tx, dag_id=dag_id, only_open=not everything))
    show_rows([_summary(row) for row in found], output, empty="no task waits for an answer")


@app.command("show")
def show_one(
    dag_id: DagArgument,
    task_id: TaskArgument,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a task asks, with its options and the form to fill in."""
    config = read_config(dags)

    async def work() -> QuestionRow:
        async with open_store(config) as store:
            _, found = await store.read(lambda tx: find_instance(tx, dag_id, run, task_id, map_index))
            asked = await store.read(lambda tx: questions.find(tx, found.uid))
            if asked is None:
                raise NotFound(f"{dag_id}.{task_id} of run {found.run_id} has asked nothing")
            return asked

    row = asyncio.run(work())
    detail = {
        **_summary(row),
        "body": row.question.body or None,
        "form": row.question.form or None,
        "answer": None if row.answer is None else row.answer.params_input or None,
    }
    show_record(detail, output)


@app.command()
def answer(
    dag_id: DagArgument,
    task_id: TaskArgument,
    choose: Annotated[
        list[str], typer.Option("--choose", "-c", help="An option; again for several.", show_default=False)
    ],
    fill: Annotated[
        list[str] | None,
        typer.Option("--fill", "-f", metavar="FIELD=JSON", help="A field of the form.", show_default=False),
    ] = None,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Answer what a task asks: it goes on. The first answer counts."""
    config = read_config(dags)
    filled = dict(_field(one) for one in fill or ())

    async def work() -> Row:
        async with open_store(config) as store:
            _, found = await store.read(lambda tx: find_instance(tx, dag_id, run, task_id, map_index))
            asked = await store.read(lambda tx: questions.find(tx, found.uid))
            form = {} if asked is None else asked.question.form
            given = {name: _value(text, form.get(name, {})) for name, text in filled.items()}
            done = await answer_question(store, found.uid, chosen=choose, given=given, by=this_person())
            return {
                "dag_id": dag_id,
                "run_id": found.run_id,
                "task_id": task_id,
                "map_index": map_index,
                "chosen_options": list(done.chosen_options),
                "params_input": done.params_input,
            }

    done = asyncio.run(work())
    if output is Output.JSON:
        show_json(done)
    else:
        say(f"{dag_id}.{task_id} of run {done['run_id']} goes on with {', '.join(choose)}")


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"--fill takes FIELD=JSON, not {text!r}")
    return name, value


def _value(text: str, field: Mapping[str, Any]) -> Any:
    """What `text` says, as JSON; plain text needs no quotes, nor does a number or date where text is wanted."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    schema: Mapping[str, Any] = field.get("schema") or {}
    wants_text = schema.get("type") == "string"
    return text if wants_text and not isinstance(value, str) else value


def _summary(row: QuestionRow) -> Row:
    state = "waits" if row.is_open else "answered" if row.answer is not None else "over"
    return {
        "dag_id": row.dag_id,
        "run_id": row.run_id,
        "task_id": row.task_id,
        "map_index": row.map_index,
        "subject": row.question.subject,
        "options": ", ".join(row.question.options),
        "assigned": ", ".join(row.question.assignees) or None,
        "asked": row.asked_at,
        "state": state,
        "chosen": None if row.answer is None else ", ".join(row.answer.chosen_options),
        "by": row.answered_by or None,
    }
