"""Where the password of an update comes from, and what is none."""

import getpass
import sys

from host_tests.tools.expect import error_line
from tools.board.network import VARIABLE, find_password


def test_the_variable_goes_before_the_settings():
    settings = {"update": {"password": "old"}}
    assert find_password(settings, {VARIABLE: "new"}) == "new"
    assert find_password(settings, {}) == "old"


def test_ctrl_d_at_the_question_is_no_password(monkeypatch):
    def end(prompt):
        raise EOFError

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", end)
    assert error_line(find_password, {}, {}).endswith(
        "is not set in config.json; give UPDATE_PASSWORD="
    )


def test_octets_that_are_no_text_are_no_password():
    line = error_line(find_password, {}, {VARIABLE: "p\udcff"})
    assert line == "UPDATE_PASSWORD= is not UTF-8, as the board's update.password is"
