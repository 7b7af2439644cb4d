"""Updates over the network, onto a played board that runs httpd32."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.expect import error_line
from host_tests.tools.network_board import PASSWORD, Flash, Version, bring
from tools.board.network import NetworkBoard
from tools.checkout import ROOT
from tools.commands import deploy, rollback
from tools.simulator import harness
from tools.version import update

UP = b"Registering URI handlers"
ALONE = b"update: the application is left out for it"
# Leaves the heap of the board too little for an update, and enough for who asks for one.
GREEDY = """
import gc
from firmware import run
import part
def take(address):
    global waste
    gc.collect()
    waste = bytearray(gc.mem_free() - 34000)
print('this is', part.NAME)
run(on_connect=take)
"""


class Site:
    """A board that serves `first`, at `host`; `make` makes further versions for it."""

    def __init__(self, board, folder, port):
        self.board = board
        self.host = f"127.0.0.1:{port}"
        self._folder = folder
        self._port = port
        self._numbers = itertools.count()

    def make(self, name):
        return Version(self._folder / f"version-{next(self._numbers)}", self._port, name)

    def flash(self):
        return Flash(self._folder / "flash", self._folder / f"unpacked-{next(self._numbers)}")

    def run(self, *command, password=PASSWORD):
        line = [sys.executable, "-m", "tools", *command, "--host", self.host]
        environment = os.environ | {"UPDATE_PASSWORD": password}
        return subprocess.run(
            line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
        )

    def wait_served(self, name):
        """Until the version of this name serves, from now on."""
        start = len(self.board.console)
        self.board.wait_text(UP, self.board.wait_text(b"this is %s\r\n" % name, start, 60))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """(flash of a board that serves the version `first`, where)."""
    folder = tmp_path_factory.mktemp("first")
    port = reserve_port()
    flash = format_flash(folder / "flash")
    with SerialBoard(flash, is_pty=True) as board:
        deploy.deploy(board.port, Version(folder / "version", port, "first").files)
    return flash, port


@pytest.fixture
def site(first, tmp_path):
    shutil.copy(first[0], tmp_path / "flash")
    with SerialBoard(tmp_path / "flash", is_pty=True) as board:
        board.wait_text(UP)
        yield Site(board, tmp_path, first[1])


def test_make_deploy_brings_a_version_over_the_network_and_then_nothing(site, tmp_path):
    harness.write_config(tmp_path, {"update": {"password": PASSWORD}}, site.host.split(":")[1])
    command = ["deploy", "--config", str(tmp_path / "config.json")]
    done = site.run(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert " files already\n" in done.stdout and " files sent, " in done.stdout
    assert done.stdout.endswith(f"\nhttp://{site.host}/\n")
    start = len(site.board.console)
    started_at = time.monotonic()
    done = site.run(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert "runs on the board: nothing to copy\n" in done.stdout
    assert time.monotonic() - started_at < 10
    assert b"/.httpd32/file/" not in site.board.console[start:]
    assert PASSWORD.encode() not in site.board.console


def test_only_what_changed_is_sent_and_what_is_gone_here_is_gone_there(site, capsys):
    version = site.make("second")
    version.write("extra.txt", "x" * 3000)
    bring(site.host, version)
    del version.files["extra.txt"]
    bring(site.host, version)
    said = capsys.readouterr().out
    assert "to send 3 files" in said and "to send 1 file," in said
    flash = site.flash()
    assert flash.files == version.contents()
    assert flash.versions() == sorted([flash.current, flash.previous])
    assert not list(flash.root.glob("update.plan*"))


def test_rollback_goes_back_and_forth(site):
    second = site.make("second")
    bring(site.host, second)
    for expected in (site.make("first"), second):
        done = site.run("rollback")
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "they differ in part.py\n" in done.stdout
        assert site.flash().files == expected.contents()
    site.board.wait_text(b"Last time: a restart that was asked for")


def test_make_config_brings_the_settings_alone_and_rollback_takes_them_back(site, tmp_path):
    config = site.make("first").config | {"log": {"level": "debug"}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    done = site.run("config", "--config", str(path))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "to send 3 files" in done.stdout
    expected = site.make("first")
    expected.configure(log={"level": "debug"})
    assert site.flash().files == expected.contents()
    assert site.run("rollback").returncode == 0
    assert site.flash().files == site.make("first").contents()


def test_settings_that_are_wrong_are_not_sent(site, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"server": {"port": "x"}}')
    done = site.run("config", "--config", str(path))
    assert done.returncode == 1 and "server.port" in done.stderr
    assert b".httpd32" not in site.board.console


def test_passwords_go_over_the_line_under_a_key(site, monkeypatch):
    sent = []
    put = NetworkBoard.put

    def note(self, number, content, *args):
        sent.append(content)
        put(self, number, content, *args)

    monkeypatch.setattr(NetworkBoard, "put", note)
    version = site.make("first")
    version.configure(status={"password": "a secret"})
    bring(site.host, version)
    assert len(sent) == 5
    assert not any(b"secret" in each or PASSWORD.encode() in each for each in sent)
    assert site.flash().files == version.contents()


@pytest.fixture
def greedy(site):
    """The site, at which a version runs that leaves too little memory."""
    site.version = site.make("greedy")
    site.version.write("main.py", GREEDY)
    bring(site.host, site.version)
    site.board.wait_text(b"this is greedy\r\n")
    return site


def test_a_board_with_too_little_memory_is_updated_without_its_application(greedy, capsys):
    second = greedy.make("second")
    bring(greedy.host, second)
    assert "the board starts without its application" in capsys.readouterr().out
    assert greedy.board.console.count(ALONE) == 1
    assert greedy.flash().files == second.contents()
    bring(greedy.host, greedy.make("third"))
    assert greedy.board.console.count(ALONE) == 1
    assert b"Traceback" not in greedy.board.console


def test_it_serves_again_when_there_is_nothing_to_copy(greedy):
    start = len(greedy.board.console)
    with NetworkBoard(greedy.host, PASSWORD) as board:
        assert update.install(board, greedy.version.files, False, {}) == "" and board.is_alone
        update.start(board, "")
        assert b"this is greedy" in greedy.board.console[start:]
    assert greedy.board.console[start:].count(ALONE) == 1
    greedy.board.wait_text(b"Last time: no further update")


def test_a_dry_run_does_not_restart_it_and_tells_what_it_can(greedy, capsys):
    running = greedy.flash().current
    for version, told in (
        (greedy.version, f"{running} runs on the board; if its files are as they were: nothing"),
        (greedy.make("other"), f"another version than {running}, which runs"),
    ):
        with NetworkBoard(greedy.host, PASSWORD) as board:
            assert update.install(board, version.files, True, {}) == ""
        assert told in capsys.readouterr().out
    assert "too little memory free" in greedy.run("rollback", "--dry-run").stderr
    assert ALONE not in greedy.board.console


def test_settings_go_under_a_key_to_a_board_that_is_alone(greedy):
    greedy.version.configure(status={"password": "a secret"}, log={"level": "debug"})
    bring(greedy.host, greedy.version)
    assert greedy.board.console.count(ALONE) == 1
    assert greedy.flash().files == greedy.version.contents()


def test_who_only_looks_at_a_board_that_is_alone_leaves_it_to_others(greedy, monkeypatch):
    request = NetworkBoard._request
    orders = []

    def note(self, method, command, *args):
        orders.append(command)
        return request(self, method, command, *args)

    monkeypatch.setattr(NetworkBoard, "_request", note)
    with NetworkBoard(greedy.host, PASSWORD) as first:
        assert not first.has_room()
        first.make_room(lambda: None)
        with NetworkBoard(greedy.host, PASSWORD) as second:
            assert second.has_room() and second.is_alone
        assert orders == ["room", "alone", "room"]
    assert orders[3:] == ["leave"]
    greedy.wait_served(b"greedy")


def test_answers_that_are_lost_in_a_restart_fail_nothing(greedy, monkeypatch):
    request = NetworkBoard._request
    lost = []

    def lose(self, method, command, *args):
        answer = request(self, method, command, *args)
        if command in ("alone", "activate", "leave") and command not in lost:
            lost.append(command)
            raise TimeoutError
        return answer

    monkeypatch.setattr(NetworkBoard, "_request", lose)
    bring(greedy.host, greedy.version)
    assert lost == ["alone", "leave"]
    second = greedy.make("second")
    bring(greedy.host, second)
    assert lost == ["alone", "leave", "activate"]
    assert greedy.flash().files == second.contents()


def test_it_goes_back_and_forth(greedy):
    first = greedy.make("first")
    for expected in (first, greedy.version):
        done = greedy.run("rollback")
        assert (done.returncode, done.stderr) == (0, ""), done
        assert greedy.flash().files == expected.contents()
    assert greedy.board.console.count(ALONE) == 1


def test_starts_for_an_update_alone_do_not_end_a_trial(greedy, capsys):
    for _ in range(4):
        with NetworkBoard(greedy.host, PASSWORD) as board:
            update.install(board, greedy.version.files, False, {})
            update.start(board, "")
    assert b"in 3 starts" not in greedy.board.console


def test_an_update_that_is_cut_leaves_a_board_that_serves_again(greedy, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    start = len(greedy.board.console)
    monkeypatch.setattr(NetworkBoard, "put", fail)
    with pytest.raises(KeyboardInterrupt):
        bring(greedy.host, greedy.make("second"))
    greedy.wait_served(b"greedy")
    assert greedy.board.console[start:].count(ALONE) == 1
    assert b"Last time: no further update" in greedy.board.console[start:]


def test_a_wrong_password_and_a_board_that_is_not_there_are_one_line(site):
    done = site.run("rollback", password="wrong")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "wrong password; UPDATE_PASSWORD= names the one that is on the board" in done.stderr
    site.host = f"127.0.0.1:{reserve_port()}"
    assert "does not answer (Connection refused)" in site.run("rollback").stderr


def test_a_version_that_has_served_for_a_minute_stays(site):
    version = site.make("second")
    version.hurry_trial()
    bring(site.host, version)
    end = site.board.wait_text(b"this version has served for a minute, and stays")
    site.board._type(b"\x03")  # at the prompt nothing disturbs
    site.board.wait_text(b">>> ", end)
    assert b"on trial" not in site.board.console
    for _ in range(4):
        site.board.press_reset()
        site.wait_served(b"second")
    assert not list(site.flash().root.glob("trial*"))


@pytest.mark.parametrize("fault", ["ends", "raises", "no address"])
def test_after_three_starts_that_do_not_serve_the_version_before_runs_again(site, capsys, fault):
    version = site.make("second")
    version.hurry_trial()
    if fault == "no address":
        version.configure(network={"wifi": [{"ssid": "elsewhere"}]})
    else:
        version.write("main.py", "import part\nprint('it ends')\n")
    if fault == "raises":
        version.name("second", "1/0\n")
    target = bring(site.host, version, starts=False)
    if fault == "raises":  # it starts again by itself after ten seconds
        start = 0
        for _ in range(3):
            start = site.board.wait_text(b"main.py has failed: starting again", start) + 1
            site.board.press_reset()
    site.wait_served(b"first")
    text = f"{target[1:]} has not served for a minute in 3 starts, httpd32-"
    assert text.encode() in site.board.console
    site.board.wait_text(f"Last time: {text}".encode())
    assert site.flash().files == site.make("first").contents()
    capsys.readouterr()
    corrected = site.make("corrected")
    bring(site.host, corrected)
    assert f"{target[1:]} has failed to start or to serve" in capsys.readouterr().out
    flash = site.flash()
    assert flash.files == corrected.contents()
    assert flash.versions() == sorted([flash.current, flash.previous])


def test_the_deploy_says_that_the_board_has_gone_back(site):
    version = site.make("second")
    version.write("main.py", "import part\n")
    assert "has gone back to httpd32-" in error_line(bring, site.host, version)


def test_a_cable_ends_a_trial(site):
    bring(site.host, site.make("second"))
    third = site.make("third")
    deploy.deploy(site.board.port, third.files)
    site.board.wait_text(b"this is third")
    assert not list(site.flash().root.glob("trial*"))
    rollback.rollback(site.board.port)
    assert site.flash().files == site.make("second").contents()


def test_a_dry_run_changes_nothing(site, capsys):
    before = site.flash().files
    with NetworkBoard(site.host, PASSWORD) as board:
        assert update.install(board, site.make("second").files, True, {}) == ""
    assert "to send 2 files" in capsys.readouterr().out
    assert site.flash().files == before
    assert b"/.httpd32/update" not in site.board.console
