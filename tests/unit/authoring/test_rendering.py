"""Templates."""

from __future__ import annotations

import datetime as dt
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.templates import environment_for, needs_rendering, render
from bide.model.errors import InvalidArgument

Contexts = Callable[..., Context]
Pair = namedtuple("Pair", "a b")


class Query(BaseOperator):
    """Has one field for anything; strings that end in .sql are files."""

    template_fields = ("sql",)
    template_ext = (".sql",)

    def __init__(self, sql: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.untouched = "{{ ds }}"


class Spec:
    """An object with fields of its own."""

    template_fields = ("path",)

    def __init__(self, path: Any) -> None:
        self.path = path


def rendered(contexts: Contexts, sql: Any, dag: DAG | None = None, **options: Any) -> Any:
    query = Query(task_id="q", sql=sql, dag=dag or DAG("d", **options))
    query.render_template_fields(contexts(query, conf={"who": "me"}))
    assert query.untouched == "{{ ds }}"
    return query.sql


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ ds }}", "2026-03-01"),
        (
            "{{ ds_nodash }} {{ ts_nodash }} {{ ts_nodash_with_tz }}",
            "20260301 20260301T050607 20260301T050607+0000",
        ),
        ("{{ ts }}", "2026-03-01T05:06:07+00:00"),
        ("{{ logical_date.add(days=1) | ds }}", "2026-03-02"),
        ("{{ execution_date | ts_nodash }}", "20260301T050607"),
        ("{{ dag.dag_id }}.{{ task.task_id }} {{ run_id }}", "d.q manual__2026-03-01"),
        ("{{ dag_run.conf['who'] }} {{ params.who }}", "me me"),
        ("{{ macros.ds_add(ds, -1) }}", "2026-02-28"),
        ("{{ macros.ds_format(ds, '%Y-%m-%d', '%d.%m.%y') }}", "01.03.26"),
        ("{{ macros.datetime(2020, 1, 2).isoformat() }}", "2020-01-02T00:00:00"),
        ("{{ macros.timedelta(days=2).total_seconds() }}", "172800.0"),
        ("{{ macros.dateutil.parser.parse('2020-05-06').month }}", "5"),
        ("{{ macros.json.dumps([1]) }}{{ macros.uuid.UUID(int=1).int }}", "[1]1"),
        ("{{ task_instance_key_str }}", "d__q__20260301"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("{# nothing #}left", "left"),
        ("plain", "plain"),
        ("ends with a line\n", "ends with a line"),
        (["{{ ds }}", {"k": ("{{ run_id }}",), "n": 1}], ["2026-03-01", {"k": ("manual__2026-03-01",), "n": 1}]),
        ({"{{ ds }}"}, {"2026-03-01"}),
        (Pair("{{ ds }}", 2), Pair("2026-03-01", 2)),
        ({"keys {{ ds }}": 1}, {"keys {{ ds }}": 1}),
        (None, None),
        (5, 5),
        (b"{{ ds }}", b"{{ ds }}"),
    ],
    ids=repr,
)
def test_what_templates_come_to(context_for: Contexts, template: Any, expected: Any) -> None:
    assert rendered(context_for, template) == expected


def test_objects_with_fields_are_rendered_in_place_and_circles_end(context_for: Contexts) -> None:
    spec = Spec("{{ ds }}")
    outer = Spec([spec])
    outer.path.append(outer)
    assert rendered(context_for, outer) is outer
    assert spec.path == "2026-03-01"


def test_files_are_found_beside_the_dag_in_its_folder_and_in_the_search_path(
    tmp_path: Path, context_for: Contexts
) -> None:
    for folder, text in (("team", "beside"), ("", "folder"), ("templates", "path")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{text}.sql").write_text(f"{text} {{{{ ds }}}}")
    made = DAG(
        "d", full_filepath=str(tmp_path / "team" / "d.py"), template_searchpath=[str(tmp_path / "templates")]
    )
    made.dags_folder = str(tmp_path)
    files = ["beside.sql", {"k": "folder.sql"}, "path.sql", "not a file.sqlx"]
    assert rendered(context_for, files, dag=made) == [
        "beside 2026-03-01",
        {"k": "folder 2026-03-01"},
        "path 2026-03-01",
        "not a file.sqlx",
    ]


def test_a_file_that_is_not_there_is_named_with_where_it_was_looked_for(context_for: Contexts) -> None:
    with pytest.raises(jinja2.TemplateNotFound, match=r"missing\.sql") as caught:
        rendered(context_for, "missing.sql", full_filepath="/nowhere/d.py")
    notes = " ".join(caught.value.__notes__)
    assert "looked for in /nowhere" in notes and "field 'sql'" in notes


def test_a_misspelt_name_is_an_error_that_names_the_field(context_for: Contexts) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'dss' is undefined") as caught:
        rendered(context_for, "{{ dss }}")
    assert "while rendering the field 'sql' of <Task(Query): q>" in caught.value.__notes__


def test_undefined_names_may_be_let_through(context_for: Contexts) -> None:
    assert rendered(context_for, "[{{ dss }}]", template_undefined=jinja2.Undefined) == "[]"


def test_a_broken_template_is_an_error(context_for: Contexts) -> None:
    with pytest.raises(jinja2.TemplateSyntaxError):
        rendered(context_for, "{{ ds")


def test_macros_and_filters_of_the_dag(context_for: Contexts) -> None:
    options: dict[str, Any] = {
        "user_defined_macros": {"twice": lambda x: x * 2, "name": "n"},
        "user_defined_filters": {"shout": str.upper},
    }
    assert rendered(context_for, "{{ twice(name) | shout }}", **options) == "NN"


def test_native_values(context_for: Contexts) -> None:
    assert rendered(context_for, "{{ [1, 2] }}", render_template_as_native_obj=True) == [1, 2]
    assert rendered(context_for, "{{ dag_run.conf }}", render_template_as_native_obj=True) == {"who": "me"}
    assert rendered(context_for, "7", render_template_as_native_obj=True) == 7


def test_a_misspelt_name_of_a_native_value_is_told(context_for: Contexts) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'nmae' is undefined"):
        rendered(context_for, "{{ nmae }}", render_template_as_native_obj=True)


def test_jinja_arguments_of_the_dag(context_for: Contexts) -> None:
    options: dict[str, Any] = {
        "jinja_environment_kwargs": {"variable_start_string": "<<", "variable_end_string": ">>"}
    }
    assert rendered(context_for, "<< ds >> {{ ds }}", **options) == "2026-03-01 {{ ds }}"
    kept = rendered(context_for, "{{ ds }}\n", jinja_environment_kwargs={"keep_trailing_newline": True})
    assert kept == "2026-03-01\n"


def test_the_interpreter_is_out_of_reach(context_for: Contexts) -> None:
    with pytest.raises(jinja2.exceptions.SecurityError):
        rendered(context_for, "{{ task.__class__.__mro__ }}")


def test_a_field_that_is_no_attribute_is_named(context_for: Contexts) -> None:
    class Wrong(BaseOperator):
        template_fields = ("nowhere",)

    with DAG("d"):
        wrong = Wrong(task_id="t")
    with pytest.raises(InvalidArgument, match=r"Wrong.template_fields names 'nowhere', which is no attribute"):
        wrong.render_template_fields(context_for(wrong))


def test_render_template_may_be_called_by_operators(context_for: Contexts) -> None:
    with DAG("d"):
        query = Query(task_id="q", sql="")
    assert query.render_template({"a": "{{ ds }}"}, context_for(query)) == {"a": "2026-03-01"}


def test_values_that_a_template_does_not_name_are_not_asked_for() -> None:
    asked: list[str] = []
    context = Context({"a": 1}, {"costly": lambda: asked.append("costly")})
    assert render(environment_for(None).from_string("{{ a }}"), context) == "1"
    assert asked == []
    render(environment_for(None).from_string("{{ costly }}"), context)
    assert asked == ["costly"]


@given(st.text(st.sampled_from("ab{}%# \n\r-"), max_size=12))
def test_what_is_not_rendered_would_not_have_changed(text: str) -> None:
    """The shortcut for texts without a template agrees with Jinja."""
    env = environment_for(None)
    if not needs_rendering(text, env):
        assert env.from_string(text).render() == text


def test_environments_are_made_once_per_dag() -> None:
    made = DAG("d")
    assert environment_for(made) is environment_for(made) is made.get_template_env()
    assert environment_for(made, native=True) is not environment_for(made)


def test_filters_let_none_pass() -> None:
    env = environment_for(None)
    for name in ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"):
        assert env.filters[name](None) is None
        assert "2020" in env.filters[name](dt.datetime(2020, 1, 2, tzinfo=dt.UTC))
