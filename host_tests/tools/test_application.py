"""What of an application goes onto a board: found, and compiled."""

import pytest

from tools.checkout import ROOT
from tools.simulator import harness
from tools.terminal import Refused
from tools.version import application, build


def write(folder, *empty, **texts):
    """Files of a folder, `name` for name.py with its text; its main.py."""
    for path, text in [*((path, "") for path in empty), *texts.items()]:
        file = folder / (path if path in empty else f"{path}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "main.py"


def paths(main):
    return {path.relative_to(main.parent).as_posix() for path in application.find(main)}


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


def test_what_is_only_for_this_computer_stays_here():
    assert application.find(ROOT / "main.py") == []


def test_modules_are_compiled_with_the_extensions_that_they_need(tmp_path):
    main = write(tmp_path, main="import first", first="from microdot.sse import with_sse")
    board = build.build(board=tmp_path / "board", main=main)
    assert (board / "first.mpy").exists() and (board / "lib/microdot/sse.mpy").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = (", "main.py, line 1: "),
        ("import first", "first.py: mpy-cross refuses it; line 1: "),
        ("match 1:\n    case 1: pass\n", "main.py: mpy-cross refuses it; line 1: "),
    ],
)
def test_what_does_not_compile_is_one_line(tmp_path, text, reason):
    main = write(tmp_path, main=text, first="match 1:\n    case 1:\n        pass\n")
    with pytest.raises(Refused, match=r"\A.*\Z") as refused:
        build.build(board=tmp_path / "board", main=main)
    assert reason in str(refused.value)


def test_on_this_computer_the_files_of_app_are_where_they_are_on_a_board(tmp_path):
    write(tmp_path / "root", "app/page.html")
    folder = tmp_path / "folder"
    folder.mkdir()
    harness.link_application(folder, tmp_path / "root")
    assert (folder / "app" / "page.html").exists()
    harness.link_application(tmp_path, folder / "without")
    assert not (tmp_path / "app").exists()
