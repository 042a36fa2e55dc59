"""Classes and functions by their paths."""

import functools
import json

import pytest

import bide.standard
from bide.authoring.dotted_names import import_string, is_valid_dotpath, iter_namespace, qualname


class Outer:
    class Inner:
        pass

    def method(self):
        pass


def test_a_path_leads_to_what_it_names():
    assert import_string("json.decoder.JSONDecoder") is json.JSONDecoder


@pytest.mark.parametrize(
    ("path", "said"), [("json", "names no module"), ("json.nothing", "has no 'nothing'"), ("no.such", "No module")]
)
def test_a_path_to_nothing_says_which_part_is_wrong(path, said):
    with pytest.raises(ImportError, match=said):
        import_string(path)


@pytest.mark.parametrize(
    ("of", "options", "expected"),
    [
        (json.JSONDecoder, {}, "json.decoder.JSONDecoder"),
        (json.JSONDecoder(), {}, "json.decoder.JSONDecoder"),
        (functools.partial(json.dumps, indent=1), {}, "json.dumps"),
        (Outer.Inner, {"use_qualname": True}, f"{__name__}.Outer.Inner"),
        (Outer.method, {"exclude_module": True}, "Outer.method"),
    ],
)
def test_a_thing_has_a_path(of, options, expected):
    assert qualname(of, **options) == expected


def test_the_modules_in_a_package_have_their_whole_names():
    assert "bide.standard.mail" in {found.name for found in iter_namespace(bide.standard)}


@pytest.mark.parametrize(
    ("path", "valid"), [("a.b", True), ("a", False), ("a.b:c", False), ("1.b", False), ("", False), ("a..b", False)]
)
def test_what_may_be_a_path(path, valid):
    assert is_valid_dotpath(path) is valid
