"""Connections as URIs and as JSON: what is read, what is refused, and that nothing is lost on the way."""

# ruff: noqa: E501  # URIs

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.connection_fields import ConnectionFields, check_conn_id, from_json, from_mapping, to_json
from bide.model.connection_uri import from_uri, to_uri
from bide.model.errors import InvalidArgument

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
EXTRAS = st.one_of(
    st.none(),
    st.dictionaries(TEXT, TEXT, min_size=1, max_size=3).map(json.dumps),
    st.dictionaries(TEXT, st.one_of(st.integers(), st.none(), st.lists(TEXT, max_size=2)), max_size=3).map(
        json.dumps
    ),
    TEXT,
)
#: A host may begin with a protocol of its own.
HOSTS = st.one_of(TEXT.filter(lambda host: "://" not in host), st.just("https://api.example.com"))
CONNECTIONS = st.builds(
    ConnectionFields,
    conn_type=st.sampled_from(["postgres", "google_cloud_platform", "http", "x2"]),
    host=st.one_of(st.none(), HOSTS),
    login=st.one_of(st.none(), TEXT),
    password=st.one_of(st.none(), st.just(""), TEXT),
    schema=st.one_of(st.none(), TEXT),
    port=st.one_of(st.none(), st.integers(0, 65535)),
    extra=EXTRAS,
)


@given(CONNECTIONS)
def test_a_uri_has_all_of_a_connection(fields: ConnectionFields) -> None:
    assert from_uri(to_uri(fields), what="it") == fields


@given(CONNECTIONS, st.one_of(st.none(), TEXT))
def test_json_has_all_of_a_connection(fields: ConnectionFields, description: str | None) -> None:
    whole = ConnectionFields(
        **{**{name: getattr(fields, name) for name in fields.__struct_fields__}, "description": description}
    )
    assert from_json(to_json(whole), what="it") == whole


@given(CONNECTIONS.filter(lambda one: one.host is None or "://" not in one.host))
def test_other_readers_of_uris_find_the_same_parts(fields: ConnectionFields) -> None:
    parts = urlsplit(to_uri(fields))
    assert parts.scheme == (fields.conn_type or "").replace("_", "-")
    assert parts.port == fields.port
    assert (parts.username or "") == (
        to_uri(ConnectionFields(login=fields.login, host="h")).partition("://")[2].rpartition("@")[0]
    )


@pytest.mark.parametrize(
    ("uri", "fields"),
    [
        (
            "postgresql://admin:secret123@my-db.us-east-1.rds.amazonaws.com:5432/my_database",
            ConnectionFields("postgres", None, "my-db.us-east-1.rds.amazonaws.com", "admin", "secret123", "my_database", 5432),
        ),
        ("spark://spark-master:7077", ConnectionFields("spark", host="spark-master", port=7077)),
        ("http://https%3A%2F%2Fapi.example.com", ConnectionFields("http", host="https://api.example.com")),
        ("http://https://api.example.com:8443/v1", ConnectionFields("http", host="https://api.example.com", port=8443, schema="v1")),
        ("aws://AKIA:se%2Fcret@/?region_name=eu-west-1", ConnectionFields("aws", login="AKIA", password="se/cret", extra='{"region_name": "eu-west-1"}')),
        ("google-cloud-platform://?__extra__=%7B%22n%22%3A+1%7D", ConnectionFields("google_cloud_platform", extra='{"n": 1}')),
        ("x://:pw@h", ConnectionFields("x", host="h", password="pw")),
        ("x://a@b@h", ConnectionFields("x", host="h", login="a@b")),
        ("x://@:5", ConnectionFields("x", port=5)),
        ("x://[::1]:5/a%2Fb", ConnectionFields("x", host="::1", port=5, schema="a/b")),
        ("fs:///?path=%2Ftmp", ConnectionFields("fs", extra='{"path": "/tmp"}')),
        ("X://Host.Example?a=&a=2", ConnectionFields("X", host="Host.Example", extra='{"a": "2"}')),
    ],
)  # fmt: skip
def test_uris_as_people_write_them(uri: str, fields: ConnectionFields) -> None:
    assert from_uri(uri, what="it") == fields


@pytest.mark.parametrize(
    "uri",
    ["", "hunter2", "postgres:hunter2@h/db", "x://u:hunter2@h:port", "x://hunter2:a@b://c", "x://a://b://hunter2"],
)
def test_what_is_no_uri_is_refused_without_being_shown(uri: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        from_uri(uri, what="the environment variable BIDE_CONN_X")
    assert str(caught.value).startswith("the environment variable BIDE_CONN_X")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"conn_type": "postgresql", "port": "5432"}', ConnectionFields("postgres", port=5432)),
        ('{"type": "http", "user": "u", "extra": {"a": 1}}', ConnectionFields("http", login="u", extra='{"a": 1}')),
        ('{"extra_dejson": {"a": [1]}}', ConnectionFields(extra='{"a": [1]}')),
        ('{"password": null, "login": 5, "conn_id": "x"}', ConnectionFields(login="5")),
        ('{"extra": "no json"}', ConnectionFields(extra="no json")),
    ],
)
def test_json_as_people_write_it(text: str, fields: ConnectionFields) -> None:
    assert from_json(text, what="it") == fields


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON (line 1, column 2)"),
        ("[1]", "it must be a JSON object"),
        ('{"hots": "h"}', "it has no field 'hots'; there are conn_type, description, host, login"),
        ('{"host": ["hunter2"]}', "it: host must be text, not list"),
        ('{"port": 70000}', "it: port must be a number from 0 to 65535, not 70000"),
        ('{"port": true}', "it: port must be a number"),
    ],
)
def test_json_that_is_no_connection(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        from_json(text, what="it")
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_connection_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(from_mapping({"password": "hunter2", "extra": {"token": "hunter2"}}, what="it"))


def test_ids() -> None:
    assert check_conn_id("aws_default/eu:1") == "aws_default/eu:1"
    for bad in ("", "a b", "ü", "x" * 251, None):
        with pytest.raises(InvalidArgument, match="can't be the id of a connection"):
            check_conn_id(bad)
