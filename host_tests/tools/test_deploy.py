"""Deploying, by mpremote's own transport, onto a board that is played here."""

import re
import subprocess
import sys

import pytest

from host_tests.blackbox.client import Client
from host_tests.ports import reserve_port
from host_tests.serial.board import unpack_flash
from host_tests.tools.sample_version import contents, read_flash, versions
from tools.board import ports, startup
from tools.board.console import Console
from tools.checkout import ROOT
from tools.commands import deploy, rollback
from tools.simulator import harness
from tools.terminal import CommandError
from tools.version import build, install, inventory, manifest
from tools.version.plan import plan


def test_make_deploy_brings_httpd32_onto_an_empty_board_and_it_serves(serial_board, tmp_path):
    port = reserve_port()
    harness.write_config(tmp_path, {}, str(port))
    line = [sys.executable, "-m", "tools", "deploy", "--port", serial_board.port]
    line += ["--config", str(tmp_path / "config.json")]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\n\d+ files sent, \d+ bytes, in \d+\.\d s\n", done.stdout), done.stdout
    assert re.search(r"\nI \(\d+\) httpd32: IPv4 address: 127.0.0.1,\n", done.stdout)
    urls = f"http://127.0.0.1:{port}/\nhttp://httpd32.local:{port}/\n"
    assert f"\n{urls}It answers in " in done.stdout
    with Client("127.0.0.1", port) as client:
        assert client.request("GET", "/quick").status == 200
    names = {path for path in build.plan(ROOT, build.find_microdot(), ROOT / "main.py")}
    assert set(read_flash(serial_board, tmp_path)) == names | {"config.json", "settings.json"}


def test_a_second_deploy_copies_nothing_and_leaves_the_board_running(serial_board, sources, capsys):
    deploy.deploy(serial_board.port, sources)
    first = serial_board.byte_count
    start = len(serial_board.console)
    deploy.deploy(serial_board.port, sources)
    assert "runs on the board: nothing to copy\n" in capsys.readouterr().out
    assert serial_board.byte_count - first < first * 0.7
    ended = serial_board.wait_text(b"main ends first", start)
    assert serial_board.wait_text(b"Registering URI handlers", ended)


def test_only_what_changed_is_sent_and_the_oldest_version_goes(
    serial_board, sources, tmp_path, capsys
):
    for text in ("NAME = 'first'\n", "NAME = 'second'\n", "NAME = 'third'\n"):
        sources["part.py"].write_text(text)
        deploy.deploy(serial_board.port, sources)
    said = capsys.readouterr().out
    assert "to send 6 files" in said
    assert said.count("to send 2 files") == 2 and said.count("the board has 4 files") == 2
    assert said.count("to remove: httpd32-") == 1
    assert read_flash(serial_board, tmp_path) == contents(sources)
    assert len(versions(serial_board, tmp_path)) == 2


def test_a_file_that_is_gone_here_is_gone_there(serial_board, sources, tmp_path):
    deploy.deploy(serial_board.port, sources)
    del sources["app/page.html"]
    deploy.deploy(serial_board.port, sources)
    assert read_flash(serial_board, tmp_path) == contents(sources)


def test_rollback_goes_back_and_forth(serial_board, sources, tmp_path, capsys):
    deploy.deploy(serial_board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    deploy.deploy(serial_board.port, sources)
    rollback.rollback(serial_board.port)
    assert "they differ in part.py\n" in capsys.readouterr().out
    assert read_flash(serial_board, tmp_path) == first
    rollback.rollback(serial_board.port)
    assert read_flash(serial_board, tmp_path) == contents(sources)


def test_a_dry_run_changes_nothing_and_leaves_the_board_running(
    serial_board, sources, tmp_path, capsys
):
    deploy.deploy(serial_board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    start = len(serial_board.console)
    deploy.deploy(serial_board.port, sources, dry_run=True)
    assert "to send 2 files" in capsys.readouterr().out
    serial_board.wait_text(b"Registering URI handlers", start)
    assert read_flash(serial_board, tmp_path) == first


def test_a_main_of_the_users_own_is_kept_and_comes_back(serial_board, sources, tmp_path, capsys):
    own = tmp_path / "main.py"
    own.write_text("print('my own')\n")
    line = [
        sys.executable,
        "-m",
        "mpremote",
        "connect",
        serial_board.port,
        "cp",
        str(own),
        ":main.py",
    ]
    subprocess.run(line, check=True, timeout=60)
    deploy.deploy(serial_board.port, sources)
    assert re.search("own main.py is kept as main-[0-9a-f]{8}.py\n", capsys.readouterr().out)
    rollback.rollback(serial_board.port)
    serial_board.wait_text(b"my own", 0)
    root = unpack_flash(tmp_path / "flash", tmp_path / "unpacked")
    assert (root / "main.py").read_text() == "print('my own')\n"


def test_what_arrives_otherwise_than_it_was_sent_is_not_activated(serial_board, sources, tmp_path):
    deploy.deploy(serial_board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    whole = manifest.add_manifest(sources, tmp_path)
    with Console(serial_board.port) as console, startup.stopped(console):
        steps = plan(manifest.read(whole), inventory.read(console))
        sources["part.py"].write_text("NAME = 'third'\n")
        with pytest.raises(CommandError, match="something else than was sent; make deploy once"):
            install.carry_out(steps, whole, console)
    assert read_flash(serial_board, tmp_path) == first


def test_a_deploy_opens_the_port_once(serial_board, sources, monkeypatch):
    opened = []
    open_port = ports.open_port

    def count(port, **options):
        opened.append(port)
        return open_port(port, **options)

    monkeypatch.setattr(ports, "open_port", count)
    deploy.deploy(serial_board.port, sources)
    assert opened == [serial_board.port]
