"""Tracebacks of a board name the functions as the sources do."""

from tools.checkout import ROOT
from tools.version import join
from tools.version.tracebacks import Tracebacks, find_function


def place(name, path="server.py", module="server"):
    """A line of a traceback, at the body of the function of a module that has the name."""
    texts = (ROOT / "firmware" / path).read_text().split("\n")
    at = next(n for n, text in enumerate(texts, 1) if f"def {name}(" in text)
    return f'  File "firmware.{module}", line {at + 1}, in LOG_NONE\r\n'.encode()


def find_lines(module):
    return len((ROOT / "firmware" / f"{module}.py").read_text().splitlines())


def test_a_private_function_of_the_firmware_has_its_own_name():
    shown = Tracebacks().feed(b"Traceback:\r\n" + place("_sweep") + b"OSError: 5\r\n")
    assert shown.endswith(b", in _sweep\r\nOSError: 5\r\n")


def test_a_place_in_the_modules_that_became_one_is_shown_as_the_sources_have_it():
    before = sum(find_lines(each) for each in join.MEMBERS[: join.MEMBERS.index("server")])
    own = place("_sweep").replace(b"LOG_NONE", b"_sweep")
    line = int(own.split(b"line ")[1].split(b",")[0])
    shown = Tracebacks().feed(b'  File "firmware.core", line %d, in LOG_NONE\r\n' % (before + line))
    assert shown == own


def test_so_is_one_in_the_last_words_of_a_run():
    at = sum(find_lines(each) for each in join.MEMBERS[:2]) + 7
    said = b"W (2) httpd32: Last time: OSError: 5, firmware.core:%d, main.py:14\r\n" % at
    shown = Tracebacks().feed(said)
    assert shown == said.replace(b"core:%d" % at, join.MEMBERS[2].encode() + b":7")


def test_what_has_no_name_of_its_own_is_said_as_the_board_has_it():
    line = place("_sweep").replace(b"LOG_NONE", b"<listcomp>")
    assert Tracebacks().feed(line) == line


def test_so_has_one_of_a_package_in_it():
    for path, module, name in (
        ("config/__init__.py", "config", "_check_server"),
        ("config/network.py", "config.network", "_complete_ethernet"),
    ):
        shown = Tracebacks().feed(place(name, path, module))
        assert shown.endswith(f", in {name}\r\n".encode())


def test_a_line_that_comes_in_pieces_is_shown_when_it_is_whole():
    tracebacks = Tracebacks()
    line = place("_sweep")
    pieces = [tracebacks.feed(line[n : n + 1]) for n in range(len(line))]
    assert b"".join(pieces) == line.replace(b"LOG_NONE", b"_sweep")
    assert set(pieces[:-1]) == {b""}


def test_what_is_no_traceback_is_shown_at_once():
    tracebacks = Tracebacks()
    assert [tracebacks.feed(each) for each in (b">>> ", b"  x", b"\r\n")] == [
        b">>> ",
        b"  x",
        b"\r\n",
    ]


def test_places_outside_of_the_firmware_stay():
    line = b'  File "main.py", line 3, in <module>\r\n  File "firmware.no", line 1, in x\r\n'
    assert Tracebacks().feed(line) == line


def test_the_innermost_definition_is_the_name(tmp_path):
    file = tmp_path / "nested.py"
    file.write_text(
        "class A:\n    def b(self):\n        def c():\n            pass\n        c()\nA()\n"
    )
    assert [find_function(file, n) for n in range(1, 7)] == ["", "A", "b", "c", "b", ""]
