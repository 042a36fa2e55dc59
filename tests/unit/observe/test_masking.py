"""What is masked: secrets as they are and as they look elsewhere, and values whose names say what they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bide.observe.masking import add_secret, forget_secrets, is_secret_name, mask, mask_secret, mask_strings, redact


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    forget_secrets()
    yield
    forget_secrets()


@pytest.mark.parametrize(
    "line",
    [
        "it is p@ss 'word'\\x",
        "postgres://u:p%40ss%20%27word%27%5Cx@h",
        "q=p%40ss+%27word%27%5Cx",
        r'{"p": "p@ss ' + r"'word'\\x" + '"}',
    ],
)
def test_a_secret_is_masked_as_it_may_look(line: str) -> None:
    add_secret("p@ss 'word'\\x")
    assert "word" not in mask(line)
    assert "***" in mask(line)


def test_lines_of_a_key_are_masked_each() -> None:
    add_secret("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ==\n-----END PRIVATE KEY-----\n")
    assert mask("read MIIEvQIBADANBg and kqhkiG9w0BAQ==") == "read *** and ***"
    assert mask("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_names_say_what_is_secret() -> None:
    mask_secret({"user": "adalove", "password": "hunter22", "deep": {"api_token": ["tokentoken"], "host": "there"}})
    assert mask("adalove hunter22 tokentoken there") == "adalove *** *** there"
    mask_secret("plainly", "colour")
    mask_secret("secretly", "client_secret")
    mask_secret("told")
    assert mask("plainly secretly told") == "plainly *** ***"
    assert not is_secret_name("token_url") and is_secret_name("Aws_Secret_Access_Key")


def test_values_are_copied_without_secrets() -> None:
    add_secret("hunter22")
    value = {"password": "x", "list": ["a hunter22", 5, None], "tuple": (True, "b"), "hunter22": 1}
    assert redact(value) == {"password": "***", "list": ["a ***", 5, None], "tuple": (True, "b"), "hunter22": 1}
    assert mask_strings({"hunter22": ["hunter22", 5]}) == {"***": ["***", 5]}
    assert value["password"] == "x"


def test_short_values_are_left_alone() -> None:
    add_secret("abc")
    assert mask("abc abcd") == "abc abcd"
