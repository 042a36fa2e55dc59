"""Loggers for classes that are no operators."""

import logging

import pytest

from bide.authoring.logged import LoggingMixin, remove_escape_codes


class Plain(LoggingMixin):
    pass


class Named(LoggingMixin):
    _log_config_logger_name = "team"
    _logger_name = "job"


def test_the_logger_has_the_name_of_the_class(caplog):
    with caplog.at_level(logging.INFO):
        Plain().log.info("here %d", 1)
        Plain.logger().info("there")
    assert [(one.name, one.getMessage()) for one in caplog.records] == [
        (f"{__name__}.Plain", "here 1"),
        (f"{__name__}.Plain", "there"),
    ]


def test_a_class_and_an_instance_may_name_it():
    own = Named()
    own._logger_name = "other"
    assert (Named().log.name, own.log.name, Named.logger().name) == ("team.job", "team.other", "team.job")


@pytest.mark.parametrize(
    ("text", "bare"), [("\x1b[1;31mred\x1b[0m", "red"), ("a\x1b[2Kb", "ab"), ("plain [1m", "plain [1m")]
)
def test_escape_codes_go(text, bare):
    assert remove_escape_codes(text) == bare
