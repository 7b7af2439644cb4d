"""Deploys side by side: how many at a time, and what is told of each."""

import json
import time

import pytest

from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard
from host_tests.tools.fleets import run_command
from host_tests.tools.network_board import PASSWORD, Version, deployed
from tools.fleet import rollout
from tools.fleet.rollout import Outcome
from tools.simulator import harness


class Deploy:
    """One that ends when it was asked whether it has, as often as `turns`."""

    def __init__(self, name, turns=1, what="unchanged"):
        self.name = name
        self.is_stopped = False
        self._turns = turns
        self._what = what

    def has_ended(self):
        self._turns -= 1
        return self._turns <= 0

    def outcome(self):
        return Outcome(self.name, self._what, "", "", 0)

    def stop(self):
        self.is_stopped = True


def run(deploys, on_end=lambda each: None):
    """What `rollout.run` gives for them, and how it went: a list of begins and ends."""
    went = []

    def begin(deploy):
        went.append(f"begin {deploy.name}")
        return deploy

    def end(outcome):
        went.append(f"end {outcome.name}")
        on_end(outcome)

    return rollout.run(deploys, begin, end), went


def test_half_of_the_boards_are_at_work_at_a_time_and_no_more_than_eight():
    assert [rollout.at_a_time(count) for count in (1, 2, 3, 4, 10, 100)] == [1, 1, 2, 2, 5, 8]
    _, went = run([Deploy(name) for name in "abc"])
    assert went == ["begin a", "begin b", "end a", "end b", "begin c", "end c"]


def test_one_that_is_slow_or_fails_holds_up_no_other():
    outcomes, went = run([Deploy("a", 6), Deploy("b", 1, "failed"), Deploy("c"), Deploy("d")])
    assert went == [
        *("begin a", "begin b", "end b", "begin c", "end c", "begin d", "end d", "end a")
    ]
    assert [(each.name, each.what) for each in outcomes][:2] == [
        ("a", "unchanged"),
        ("b", "failed"),
    ]


def test_the_next_board_leaves_when_it_was_seen_that_the_last_is_back(monkeypatch):
    monkeypatch.setattr(rollout, "_SEEN_S", 0.3)
    ended_at = []
    run(
        [Deploy("a", what="updated"), Deploy("b", what="updated")],
        lambda each: ended_at.append(time.monotonic()),
    )
    assert ended_at[1] - ended_at[0] > 0.3


def test_ctrl_c_ends_those_that_run():
    def interrupt(outcome):
        raise KeyboardInterrupt

    deploys = [Deploy("a"), Deploy("b", 99), Deploy("c", 99), Deploy("d")]
    with pytest.raises(KeyboardInterrupt):
        run(deploys, interrupt)
    assert [each.is_stopped for each in deploys] == [False, True, False, False]


def test_every_board_gets_its_version_and_those_that_fail_are_told(tmp_path):
    port = reserve_port()
    settings = {"update": {"password": PASSWORD}}
    (tmp_path / "config.json").write_text(json.dumps(harness.complete(settings, str(port))))
    (tmp_path / "wrong.py").write_text("1 +\n")
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        f"""
        [boards.gone]
        host = "127.0.0.1:{reserve_port()}"
        [boards.kitchen]
        host = "127.0.0.1:{port}"
        [boards.unplugged]
        port = "/dev/ttyUSB99"
        [boards.wrong]
        host = "127.0.0.1:{port + 1 if port < 65535 else 1024}"
        app = "wrong.py"
        """
    )
    with SerialBoard(deployed(tmp_path / "flash", Version(tmp_path / "first", port, "first"))):
        for options, what in ((["--dry-run"], "to update"), ([], "updated")):
            done = run_command(fleet, *options)
            assert (done.returncode, done.stderr) == (1, "")
            lines, table, end = done.stdout.split("\n\n")
            said = dict(line.split(": ", 1) for line in lines.split("\n") if ": " in line)
            assert said.keys() == {"gone", "kitchen", "unplugged", "wrong"}
            assert "does not answer (Connection refused)" in said["gone"]
            assert said["kitchen"] == f"http://127.0.0.1:{port}/"
            assert said["unplugged"].startswith("/dev/ttyUSB99 is not there; plug the board in")
            assert said["wrong"].startswith(f"{tmp_path}/wrong.py, line 1: ")
            rows = [(row.split()[0], what in row) for row in table.split("\n")[1:]]
            assert rows == [(name, name == "kitchen") for name in sorted(said)]
            assert end == f"3 of 4 failed; all that was said is in {tmp_path}/build/fleet\n"
    assert PASSWORD not in "".join(path.read_text() for path in tmp_path.glob("build/fleet/*"))
