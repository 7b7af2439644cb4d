"""The wheel, in a virtual environment of its own and an empty folder: no make, no checkout."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import firmware
from host_tests.blackbox.client import Client
from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard, format_flash
from tools.__main__ import COMMANDS, FOR_CHECKOUTS
from tools.checkout import ROOT
from tools.simulator import harness

pytestmark = pytest.mark.timeout(600)
_PACKED = ("boot.py", "firmware", "httpd32", "tools")
_FOR_PACKING = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py")
EXAMPLES = sorted((ROOT / "docs" / "examples").rglob("main.py"))
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made of a copy of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    copy.mkdir()
    for name in (*_PACKED, *_FOR_PACKING):
        if (ROOT / name).is_dir():  # where other tests may be compiling, each file by another name
            unfinished = shutil.ignore_patterns("*.pyc.*")
            shutil.copytree(ROOT / name, copy / name, ignore=unfinished)
        else:
            shutil.copy(ROOT / name, copy / name)
    line = [*_PIP, "wheel", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(line, check=True, timeout=300)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def httpd32(wheel, tmp_path_factory):
    """The command, from a fresh virtual environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=100)
    line = [str(folder / "bin" / "python"), *_PIP[1:], "install", str(wheel)]
    subprocess.run(line, check=True, timeout=300)
    return str(folder / "bin" / "httpd32")


@pytest.fixture
def project(httpd32, tmp_path):
    """A folder with nothing but what `httpd32 new` writes."""
    folder = tmp_path / "my board"
    folder.mkdir()
    assert call(httpd32, folder, "new").returncode == 0
    return folder


def call(program, folder, *words, **variables):
    return subprocess.run(
        [program, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_it_holds_one_package_with_the_firmware_and_the_commands(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {Path(name).parts[0] for name in names} == {
        "httpd32",
        f"httpd32-{firmware.__version__}.dist-info",
    }
    for path in (ROOT / "firmware").rglob("*.py"):
        assert f"httpd32/{path.relative_to(ROOT).as_posix()}" in names
    for path in (ROOT / "tools" / "version").rglob("*.*"):
        if path.suffix != ".pyc":
            assert f"httpd32/{path.relative_to(ROOT).as_posix()}" in names
    assert not [name for name in names if name.endswith(".pyc") or "bench" in name]


def test_its_help_names_each_command(httpd32, tmp_path):
    text = call(httpd32, tmp_path, "--help").stdout
    assert text.startswith("usage: httpd32 ")
    assert [name for name in COMMANDS if f"\n    {name} " not in text] == list(FOR_CHECKOUTS)


def test_an_application_that_is_new_is_whole_and_not_written_over(httpd32, project):
    assert sorted(os.listdir(project)) == [".gitignore", "README.md", "main.py"]
    assert "config.json" in (project / ".gitignore").read_text().split()
    text = (project / "README.md").read_text()
    assert "\n    httpd32 run\n" in text
    assert "checkout" not in text
    (project / "main.py").write_text("mine")
    done = call(httpd32, project, "new")
    assert done.returncode == 1 and done.stderr.endswith(
        "is there already, and stays; name another folder\n"
    )
    assert (project / "main.py").read_text() == "mine"


@pytest.mark.parametrize("runtime", harness.RUNTIMES)
def test_run_serves_it(httpd32, project, runtime):
    port = reserve_port()
    words = [httpd32, "run", "--runtime", runtime, "--port", str(port)]
    board = subprocess.Popen(words, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    timer = threading.Timer(30, board.kill)
    timer.start()
    with board:
        while b"Registering URI handlers" not in board.stdout.readline():
            assert board.poll() is None
        with Client("127.0.0.1", port) as client:
            assert client.request("GET", "/quick").text == "quick\n"
            assert 'href="/long"' in client.request("GET", "/").text
        board.terminate()
        board.stdout.read()
    timer.cancel()
    assert board.returncode == 0


def test_config_deploy_doctor_and_rollback_need_nothing_else(httpd32, project, tmp_path):
    port = reserve_port()
    done = call(httpd32, project, "config", WIFI_SSID="simulated")
    assert done.stdout.endswith("which only you can read. Next: httpd32 deploy.\n"), done
    given = json.loads((project / "config.json").read_text()) | {"server": {"port": port}}
    (project / "config.json").write_text(json.dumps(given))
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as board:
        looked = call(httpd32, project, "deploy", "--port", board.port, "--dry-run")
        assert looked.returncode == 0 and "to send " in looked.stdout, looked
        done = call(httpd32, project, "deploy", "--port", board.port)
        assert done.returncode == 0 and "\nIt answers in " in done.stdout, done
        with Client("127.0.0.1", port) as client:
            assert client.request("GET", "/quick").text == "quick\n"
        seen = call(httpd32, project, "doctor", "--port", board.port)
        assert seen.returncode == 0 and f"Serves http://127.0.0.1:{port}/ and" in seen.stdout, seen
        done = call(httpd32, project, "rollback", "--port", board.port)
    assert done.stderr == (
        "The board has no version before this one; httpd32 deploy brings another\n"
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda main: main.parent.name)
def test_each_example_is_deployed_and_serves(httpd32, example, tmp_path):
    folder = shutil.copytree(example.parent, tmp_path / example.parent.name)
    harness.write_config(tmp_path, {}, str(reserve_port()))
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as board:
        words = ["deploy", "--port", board.port, "--app", folder.name]
        done = call(httpd32, tmp_path, *words)
    assert done.returncode == 0 and "\nIt answers in " in done.stdout, done


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["deploy"], "config.json is missing: the board would find no network; httpd32 config\n"),
        (["deploy", "--port", "x"], "config.json is missing: "),
        (["flash", "--port", "x"], "--port x is not a port; "),
        (["monitor", "--port", "/dev/nope"], "httpd32 doctor lists the ports\n"),
        (["run", "--port", "0"], "--port 0: not a port; an integer from 1 to 65535\n"),
        (["run", "--app", "nowhere"], "--app nowhere: there is no such file\n"),
        (["run", "--runtime", "x"], "--runtime x: one of micropython, cpython\n"),
    ],
)
def test_what_is_wrong_is_told_in_its_own_words(httpd32, project, words, line):
    done = call(httpd32, project, *words)
    assert done.returncode == 1 and line in done.stderr and "make" not in done.stderr, done


def test_a_folder_without_an_application_is_told_how_to_begin(httpd32, tmp_path):
    for command in ("run", "build"):
        done = call(httpd32, tmp_path, command)
        assert done.stderr == "main.py is missing; httpd32 new writes one\n"


def test_build_compiles_here(httpd32, project):
    assert call(httpd32, project, "build").stdout.startswith("build/board: ")
    assert (project / "build" / "board" / "firmware" / "core.mpy").is_file()
