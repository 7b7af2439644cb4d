"""Which MicroPython runs the server on this computer."""

import pytest

from tools.simulator import interpreter
from tools.terminal import CommandError


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Makes a `micropython` on PATH that prints so, where PyPI has none; its path."""

    def write(told):
        program = tmp_path / "micropython"
        program.write_text(f'#!/bin/sh\necho "{told}"\n')
        program.chmod(0o755)
        return str(program)

    monkeypatch.setattr(interpreter, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return write


def test_where_pypi_has_none_it_is_the_one_on_path(put):
    for told in "(1, 27, 0, '')", "(1, 28, 0, 'preview')", "(2, 0, 0)":
        program = put(told)
        assert interpreter.micropython("208k") == [program, "-X", "heapsize=208k"]


def test_one_before_1_27_is_refused_in_a_line_because_it_cannot_import_what_is_played(put):
    for told in "(1, 26, 1, '')", "(1, 9, 4)", "no version":
        program = put(told)
        with pytest.raises(CommandError) as error:
            interpreter.micropython("208k")
        text = f"{program} is older than MicroPython 1.27; use a newer one, or RUNTIME=cpython"
        assert str(error.value) == text


def test_without_any_it_says_what_to_do(put):
    with pytest.raises(CommandError, match="put a `micropython` on PATH, or use RUNTIME=cpython"):
        interpreter.micropython("208k")
