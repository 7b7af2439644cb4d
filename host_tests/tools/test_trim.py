"""What a deploy leaves out of Microdot: what nothing on the board can call."""

import pytest

from tools.version import build, trim

PACKAGE = "from microdot.microdot import Response, \\\n    redirect, abort\n\n__version__ = '1'\n"
MODULE = '''\
LIMITS = [1, 2]


class Response:
    types = {"css": "text/css"}

    def __init__(self):
        self.body = b""

    def redirect(self):
        """redirect"""
        return self.types

    def write(self):
        return LIMITS

    def abort(self):
        raise ValueError

    def walk(self):
        return self.walk()


abort = Response.abort
redirect = Response.redirect
'''


def left(*others):
    text, package = trim.trim(MODULE, PACKAGE, others)
    assert [len(each.split("\n")) for each in (text, package)] == [
        len(each.split("\n")) for each in (MODULE, PACKAGE)
    ]
    return text, package


def test_what_is_called_stays_with_what_it_needs():
    text, package = left("from microdot import redirect")
    assert "def redirect" in text and "types = " in text and "redirect = " in text
    assert "import redirect\n" in package


def test_what_nothing_calls_goes_with_its_name_in_the_package():
    text, package = left("from microdot import Response")
    assert "def __init__" in text and "redirect" not in text and "types" not in text
    assert package.split("\n")[0] == "from microdot.microdot import Response"


def test_an_attribute_of_the_package_is_a_call():
    assert "def abort" in left("import microdot\nmicrodot.abort(404)")[0]


def test_a_name_in_a_text_is_a_call_and_prose_is_none():
    assert "def abort" in left("getattr(response, 'abort')")[0]
    assert "def abort" not in left("print('to abort it')")[0]


def test_with_a_star_everything_that_the_package_has_stays():
    text, package = left("from microdot import *")
    assert "def abort" in text and "def redirect" in text
    assert package.split("\n")[0].endswith("Response, redirect, abort")


def test_who_calls_only_itself_goes():
    assert "walk" not in left("")[0]


def test_the_server_goes_even_if_its_names_are_used():
    assert "def write" not in left("file.write()")[0]
    assert "LIMITS" not in left("file.write()")[0]


@pytest.fixture
def microdot_for(tmp_path):
    def build_for(main, files):
        files = {"main.py": f"{main}\nfrom firmware import run\nrun()\n", **files}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        build.build(board=tmp_path / "board", main=tmp_path / "main.py")
        return (tmp_path / "board/lib/microdot/microdot.mpy").read_bytes()

    return build_for


def test_a_template_may_call_what_no_module_does(microdot_for):
    main = "from microdot.utemplate import Template\nTemplate('a.html')"
    files = {"utemplate/recompile.py": "", "templates/a.html": "{{ request.form['a'] }}"}
    assert b"x-www-form-urlencoded" in microdot_for(main, files)
    assert b"x-www-form-urlencoded" not in microdot_for(main, {"templates/a.html": "nothing"})


def test_a_compiled_module_of_the_application_may_call_anything(microdot_for):
    assert b"max-age" not in microdot_for("import time", {})
    assert b"max-age" in microdot_for("import own", {"own.mpy": ""})
