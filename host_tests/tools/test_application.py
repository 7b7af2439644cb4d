"""What of an application goes onto a board: found by its syntax, and compiled."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from host_tests.tools.expect import error_line
from tools.checkout import ROOT
from tools.version import build, source
from tools.version.application import Application, find_main

START = "from microdot import Microdot\nfrom firmware import run\n"


def write(folder, *empty, **texts):
    """Files of a folder, `name` for name.py with its text; its main.py."""
    for path, text in [*((path, "") for path in empty), *texts.items()]:
        file = folder / (path if path in empty else f"{path}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "main.py"


def found(main):
    return Application(main, build.find_microdot())


def paths(main):
    return set(found(main).files)


def test_what_main_imports_goes_along_and_what_that_imports(tmp_path):
    main = write(
        tmp_path,
        *("second.py", "other.py", "package/part.py", "package/more.py", "package/notes.txt"),
        main="import asyncio, first\nfrom package.part import name\n",
        first="import second\n",
    )
    assert paths(main) == {"first.py", "second.py", "package/part.py", "package/more.py"}


def test_the_folder_app_goes_along_whole(tmp_path):
    main = write(
        tmp_path,
        *("main.py", "app/page.html", "app/static/a.css", "first.py"),
        *("app/.hidden", "app/__pycache__/part.pyc"),
    )
    (tmp_path / "app" / "part.py").write_text("import first")
    assert paths(main) == {"app/page.html", "app/static/a.css", "app/part.py", "first.py"}


def test_links_and_well_known_files_go_along_and_what_leads_nowhere_is_told(tmp_path):
    main = write(tmp_path, "main.py", "app/.well-known/security.txt", "dist/static/a.css")
    (tmp_path / "app" / "static").symlink_to("../dist/static")
    (tmp_path / "dist" / "static" / "again").symlink_to("..")
    (tmp_path / "app" / "up").symlink_to("..")
    (tmp_path / "app" / "itself").symlink_to("itself")
    (tmp_path / "app" / "gone.py").symlink_to("nowhere")
    os.mkfifo(tmp_path / "app" / "pipe")
    application = found(main)
    assert set(application.files) == {"app/.well-known/security.txt", "app/static/a.css"}
    told = "app/gone.py leads nowhere, and stays here", "app/itself leads nowhere, and stays here"
    assert application.notes == list(told)
    main.write_text("import app.part, app.gone")
    (tmp_path / "app" / "part.py").touch()
    assert found(main).notes == list(told)


def test_a_folder_that_can_not_be_looked_into_is_one_line(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    main = write(tmp_path, "main.py", "app/a.html")
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert error_line(found, main) == f"{tmp_path}/app: Permission denied"


def test_a_module_may_be_called_build_and_firmware_is_told(tmp_path):
    main = write(tmp_path, "build.py", "firmware.py", "build/x.py", main="import build, firmware\n")
    application = found(main)
    assert set(application.files) == {"build.py"}
    assert application.notes == ["firmware.py stays here: the server itself has that name"]


def test_a_folder_without_a_main_says_so(tmp_path):
    assert error_line(find_main, str(tmp_path)).endswith(": there is no main.py in it")
    for name in ("x.py", "main.py"):
        assert error_line(find_main, str(tmp_path / name)).endswith(": there is no such file")


def test_what_is_only_for_this_computer_stays_here():
    assert paths(ROOT / "main.py") == {"app/index.html"}


@pytest.mark.parametrize(
    "line",
    [
        "from microdot import websocket",
        "import os, microdot.websocket",
        "import microdot.websocket as ws",
        "from microdot import cors, websocket as ws, Microdot",
        "from microdot.websocket import with_websocket",
        "try:\n    from microdot import websocket\nexcept ImportError:\n    websocket = None",
        "def late():\n    from microdot import websocket",
        "if True:\n    from microdot import websocket",
        "class Late:\n    def load(self):\n        from microdot import websocket",
        "late = __import__('microdot.websocket')",
    ],
)
def test_an_extension_is_found_however_it_is_imported(tmp_path, line):
    main = write(tmp_path, main=f"{START}{line}\n")
    assert "lib/microdot/websocket.py" in paths(main)


def test_what_a_text_or_a_comment_says_is_no_import(tmp_path):
    main = write(
        tmp_path, main='"""\nimport nothing\n"""\n# import nothing\nTEXT = "import nothing"\n'
    )
    assert paths(main) == set()


def test_an_extension_brings_what_it_imports_itself(tmp_path):
    main = write(tmp_path, main="from microdot.session import Session\n")
    assert {"lib/jwt.py", "lib/microdot/session.py", "lib/microdot/helpers.py"} <= paths(main)


def test_a_module_of_the_applications_own_goes_before_ours(tmp_path):
    main = write(tmp_path, "lib/jwt.py", main="from microdot.session import Session\n")
    assert found(main).files["lib/jwt.py"] == tmp_path / "lib" / "jwt.py"


@pytest.mark.parametrize("place", ["microdot", "lib/microdot"])
def test_of_a_copy_of_microdot_goes_along_what_is_needed(tmp_path, place):
    main = write(tmp_path, main=f"{START}from microdot.sse import with_sse\n")
    shutil.copytree(build.find_microdot(), tmp_path / place)
    files = found(main).files
    names = ("__init__", "microdot", "sse", "helpers")
    assert files == {f"lib/microdot/{name}.py": tmp_path / place / f"{name}.py" for name in names}


@pytest.mark.parametrize("place", ["microdot.py", "lib/microdot.py"])
def test_a_microdot_in_one_file_stays_here_and_that_is_told(tmp_path, place):
    main = write(tmp_path, place, main=START)
    (note,) = found(main).notes
    assert (paths(main), note.startswith(f"{place} stays here")) == (set(), True)


def test_drivers_in_lib_go_along_compiled_or_not(tmp_path):
    main = write(
        tmp_path,
        *("lib/bme280.py", "lib/package/__init__.py", "lib/package/part.py", "lib/unused.py"),
        "lib/fast.mpy",
        main="import bme280, fast\nfrom package import part\nimport lib.bme280\n",
    )
    assert paths(main) >= {"lib/bme280.py", "lib/fast.mpy", "lib/package/part.py"}


def test_relative_imports_stay_in_the_package_that_goes_as_a_whole(tmp_path):
    main = write(
        tmp_path,
        *("package/second.py", "third.py"),
        main="import package.first\n",
        **{"package/first": "from . import second\nfrom .second import x\nimport third\n"},
    )
    assert paths(main) == {"package/first.py", "package/second.py", "third.py"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import nothing", "main.py, line 3: no nothing beside main.py, in lib/ or on a board; "),
        ("from typing import Any", "a board has no typing"),
        ("import microdot.websockets", "did you mean microdot.websocket?"),
        ("from microdot.utemplate import Template", "utemplate.py, line 1: no utemplate beside"),
        ("from microdot.jinja import Template", "microdot.utemplate does much the same"),
        ("import asyncoi", "did you mean asyncio?"),
        ("from microdot_asyncio import Microdot", "in Microdot 2 it is `from microdot import"),
        ("def late():\n    import nothing", "main.py, line 4: no nothing"),
    ],
)
def test_what_is_not_to_be_had_is_one_line(tmp_path, line, reason):
    assert reason in error_line(found, write(tmp_path, main=f"{START}{line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "try:\n    import nothing\nexcept ImportError:\n    import json",
        "try:\n    import ujson as json\nexcept ImportError:\n    import nothing",
        "try:\n    from typing import Any\nexcept:\n    pass",
        "try:\n    import nothing\nexcept (OSError, ImportError):\n    pass",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import typing",
        "import usocket, machine, neopixel, umqtt.simple, aioespnow, esp32",
    ],
)
def test_what_an_application_can_do_without_and_what_a_board_has_is_not_looked_for(tmp_path, line):
    assert paths(write(tmp_path, main=f"{START}{line}\n")) == set()


@pytest.mark.parametrize(
    "line",
    [
        'send_file("pages/a.html")',
        'send_file(filename="pages/a.html")',
        'send_file("pages/" + name)',
        'send_file(f"pages/{name}")',
        'send_file("pages/%s" % name)',
        'send_file("pages/{}".format(name))',
        'send_file(FOLDER + "/" + name)',
        'open("pages/a.html")',
        'open("pages/a.html", "rb")',
        'os.listdir("pages")',
        'def send(path):\n    path = "pages/" + path\n    return send_file(path)',
        'def send(x):\n    d = FOLDER + "/"\n    def inner():\n        return send_file(d + x)',
        'page = "none.html"\nif name:\n    page = "pages/" + name\nopen(page)',
        'd = "no"\nif name:\n    d = "pages"\nsend_file(d + "/" + name)',
        'page: str = "pages/a.html"\nsend_file(page)',
        'send_file("none.html" if name is None else "pages/a.html")',
        'page = "pages/"\npage += name\nsend_file(page)',
    ],
)
def test_a_file_that_is_named_where_it_is_sent_goes_along(tmp_path, line):
    main = write(
        tmp_path, "pages/a.html", "b.html", main=f'FOLDER = "pages"\nname = "a.html"\n{line}\n'
    )
    assert paths(main) == {"pages/a.html"}


@pytest.mark.parametrize(
    "line",
    [
        'open("pages/a.html", "w")',
        'open("pages/a.html", mode="ab")',
        'send_file("/pages/a.html")',
        'open("../pages/a.html")',
        'print("pages/a.html")',
        "send_file(unknown)",
        'send_file("pages/a.html", stream=made)',
        'open("config.json")',
    ],
)
def test_a_file_that_is_written_or_lies_elsewhere_does_not(tmp_path, line):
    main = write(tmp_path, "pages/a.html", "config.json", main=line)
    assert paths(main) == set()


@pytest.mark.parametrize(
    "line",
    [
        'send_file("pages/a.html", compressed=True, file_extension=".gz")',
        'send_file("pages/" + name, file_extension=GZ)',
    ],
)
def test_a_file_that_is_sent_compressed_goes_along(tmp_path, line):
    main = write(tmp_path, "pages/a.html.gz", main=f'GZ = ".gz"\nname = "a.html"\n{line}\n')
    assert (paths(main), found(main).notes) == ({"pages/a.html.gz"}, [])


def test_templates_go_along_with_what_renders_them(tmp_path):
    main = write(
        tmp_path,
        *("utemplate/recompile.py", "templates/a.html", "templates/part/b.html"),
        main='from microdot.utemplate import Template\nTemplate("a.html")\n',
    )
    assert {"templates/a.html", "templates/part/b.html", "utemplate/recompile.py"} <= paths(main)


def test_a_file_to_be_sent_that_is_not_there_is_told(tmp_path):
    main = write(tmp_path, main='\nsend_file("pages/a.html")\n')
    assert found(main).notes == [
        "main.py, line 2: there is no pages/a.html to be sent beside main.py"
    ]


@pytest.mark.parametrize(
    "argument",
    [
        "name",
        "PAGES[name]",
        "'/'.join(parts)",
        "'%s.html' % name",
        "page",  # perhaps it is what the module says, or what the loop does
        "a",
        "more",
    ],
)
def test_what_can_not_be_seen_is_told(tmp_path, argument):
    text = f"def send(name):\n    return send_file({argument})\n"
    text += "page = 'a.html'\nfor page in PAGES:\n    a = 'a.html' or page\n"
    text += "more = 'a'\nmore += '.html'\n"
    main = write(tmp_path, "a.html", main=text)
    assert found(main).notes == [
        "main.py, line 2: what it sends is known when it runs; put it into app/"
    ]


@pytest.mark.parametrize(
    "line", ["send_file(path_of(name))", "open(name)", "def f():\n    page = 'a.html'"]
)
def test_what_a_function_gives_or_is_no_page_is_not(tmp_path, line):
    assert found(write(tmp_path, "a.html", main=f"{line}\n")).notes == []


@pytest.mark.parametrize("line", ["def a():\n    page = 'a.html'", "page = 'a.html'"])
def test_an_argument_is_no_name_of_elsewhere(tmp_path, line):
    text = f"{line}\n\ndef b(page):\n    open(page)\n"
    assert paths(write(tmp_path, "a.html", main=text)) == set()


def test_what_is_missing_is_told_once(tmp_path, capsys):
    main = write(tmp_path, main='send_file("pages/a.html")\n')
    build.build(board=tmp_path / "board", main=main)
    assert capsys.readouterr().out.count("there is no pages/a.html") == 1


def test_modules_are_compiled_with_the_extensions_that_they_need(tmp_path):
    main = write(tmp_path, main="import first", first="from microdot.sse import with_sse")
    board = build.build(board=tmp_path / "board", main=main)
    assert (board / "first.mpy").exists() and (board / "lib/microdot/sse.mpy").exists()


def test_a_module_that_was_replaced_by_an_older_one_is_compiled_again(tmp_path):
    main = write(tmp_path, main="import first", first="X = 1\n")
    compiled = build.build(board=tmp_path / "board", main=main) / "first.mpy"
    before = compiled.read_bytes()
    (tmp_path / "old.py").write_text("X = 2\n")
    shutil.copystat(ROOT / "LICENSE", tmp_path / "old.py")
    (tmp_path / "old.py").replace(tmp_path / "first.py")
    build.build(board=tmp_path / "board", main=main)
    assert compiled.read_bytes() != before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = (", "main.py, line 1: "),
        ("import first", "first.py: mpy-cross refuses it; line 1: "),
        ("match 1:\n    case 1: pass\n", "main.py: mpy-cross refuses it; line 1: "),
        ("x = 1\0", "main.py, line 1: "),
        ("x = " + "(" * 500 + ")" * 500, "main.py"),
    ],
)
def test_what_does_not_compile_is_one_line(tmp_path, text, reason):
    main = write(tmp_path, main=text, first="match 1:\n    case 1:\n        pass\n")
    assert reason in error_line(lambda: build.build(board=tmp_path / "board", main=main))


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffNAME = 'café'\n".encode(),
        "NAME = 'café'\r\n".encode(),
        "# -*- coding: latin-1 -*-\nNAME = 'café'\n".encode("latin-1"),
        "#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nNAME = 'café'\n".encode("cp1252"),
    ],
    ids=["mark", "CRLF", "latin-1", "second line"],
)
def test_whatever_editor_has_written_a_file_a_board_gets_it_in_utf_8(tmp_path, content):
    (tmp_path / "main.py").write_bytes(content + b"import part\n")
    (tmp_path / "part.py").write_bytes(content)
    board = build.build(board=tmp_path / "board", main=tmp_path / "main.py")
    assert "café".encode() in (board / "part.mpy").read_bytes()
    assert "café" in (board / "main.py").read_text("utf-8")
    assert not (board / "main.py").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"x = 1\n# caf\xe9\n",
            "main.py, line 2, column 6: byte 0xe9 is not UTF-8; save the file as",
        ),
        ("x = 1\n".encode("utf-16"), "main.py, line 1: UTF-16; save it as UTF-8"),
        (b"# coding: klingon\n", "main.py, line 1: unknown encoding"),
        (b"# coding: ascii\nx = '\xe9'\n", "main.py, line 2, column 6: byte 0xe9 is not ASCII"),
    ],
)
def test_a_file_that_can_not_be_read_is_one_line_with_the_place(tmp_path, content, reason):
    (tmp_path / "main.py").write_bytes(content)
    assert reason in error_line(source.read, tmp_path / "main.py")


def test_an_application_is_named_by_its_main_or_its_folder(tmp_path):
    main = write(tmp_path / "it's an app", main=START)
    assert find_main(str(main)) == find_main(str(main.parent)) == main
    assert find_main("") == ROOT / "main.py"
    assert error_line(find_main, "nowhere") == "APP=nowhere: there is no such file"


def test_an_apostrophe_and_a_space_in_a_path_are_no_matter(tmp_path):
    main = write(tmp_path / "it's an app", "app/a page.html", main="import part\n", part="X = 1\n")
    board = build.build(board=tmp_path / "a board", main=main)
    assert {"app/a page.html", "part.mpy"} <= set(build.files(board))
