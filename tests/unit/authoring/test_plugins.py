"""What plugins bring beside listeners: macros, links, and what has no effect."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bide.authoring import plugins
from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.links import BaseOperatorLink, links_of
from bide.authoring.operator import BaseOperator
from bide.authoring.plugins import Plugin, Plugins
from bide.authoring.templates import environment_for, render


def doubled(value: int) -> int:
    return 2 * value


class Link(BaseOperatorLink):
    name = "everywhere"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        return "https://service"


class Special(BaseOperator):
    """An operator with a link of its own, and one of a plugin."""

    operator_extra_links = (Link(),)


class OfSpecial(Link):
    name = "of Special"
    operators = [Special]


class Brings(Plugin):
    name = "brings"
    macros = [doubled, json]
    global_operator_extra_links = [Link()]
    operator_extra_links = [OfSpecial()]
    flask_blueprints = ["blueprint"]
    menu_links = ["link"]
    operators = [BaseOperator]
    executors: list[Any] = []


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    found = Plugins()
    monkeypatch.setattr(plugins, "_loaded", found)
    return found


def test_macros(loaded: Plugins, context_for: Any) -> None:
    loaded.take(Brings)
    with DAG("d"):
        context: Context = context_for(BaseOperator(task_id="t"))
    text = "{{ macros.brings.doubled(4) }} {{ macros.brings.json.dumps([1]) }} {{ macros.ds_add('2026-01-01', 1) }}"
    assert render(environment_for(None).from_string(text), context) == "8 [1] 2026-01-02"
    with pytest.raises(AttributeError, match="macros has no 'nothing'; plugins bring brings"):
        _ = context["macros"].nothing


def test_without_plugins_a_macro_that_is_not_there_is_named(loaded: Plugins, context_for: Any) -> None:
    with DAG("d"):
        context: Context = context_for(BaseOperator(task_id="t"))
    with pytest.raises(AttributeError, match=r"macros has no 'nothing'$"):
        _ = context["macros"].nothing


def test_links(loaded: Plugins) -> None:
    assert links_of(BaseOperator(task_id="a")) == []
    loaded.take(Brings)
    assert [link.name for link in links_of(BaseOperator(task_id="a"))] == ["everywhere"]
    special = links_of(Special(task_id="b"))
    assert [link.name for link in special] == ["everywhere", "of Special"]
    assert special[0] is Special.operator_extra_links[0]


def test_what_has_no_effect_is_told_of(loaded: Plugins, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        loaded.take(Brings)
    assert [one.getMessage() for one in caplog.records] == [
        "plugin 'brings': flask_blueprints, menu_links without effect: Bide has its own pages and API"
    ]
