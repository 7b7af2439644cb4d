"""make soak: its table, its exit status, and what it finds."""

import http.server
import subprocess
import sys
import threading
import time

import pytest

from host_tests.tools.expect import error_line
from tools.checkout import ROOT
from tools.commands import soak
from tools.soak.tally import Tally

SOAK = [sys.executable, "-m", "tools", "soak"]


def run(*options):
    return subprocess.run([*SOAK, *options], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_board_that_bears_it_ends_with_a_table_and_0():
    done = run("--minutes", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("newcomer ", "poll ", "long ", "garbage ", "heap in use: ", "sockets: most "):
        assert text in done.stdout


class Failing(http.server.BaseHTTPRequestHandler):
    """As httpd32 at first, and then with another answer."""

    asked = 0
    status = 500

    def do_GET(self):
        self.send_response(200 if self.path == "/quick" and not Failing.asked else self.status)
        Failing.asked += 1
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"random: 1")

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_a_server_that_fails_ends_with_what_it_did_and_1():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run("--minutes", "0.05", "--host", f"127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "must not happen: newcomer: an answer with 500" in done.stdout


@pytest.mark.parametrize("minutes", ["", "x", "0", "-1", "nan", "100000"])
def test_a_wrong_number_of_minutes_is_one_line(minutes):
    assert (
        error_line(soak._seconds, minutes)
        == f"MINUTES={minutes}: a number of minutes, as 10 or 0.5"
    )


def test_a_silence_counts_while_there_is_a_link(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tally = Tally()
    now[0] = 3.0
    tally.answer_quick()
    now[0] = 4.0
    tally.set_link(False)
    now[0] = 60.0
    tally.set_link(True)
    now[0] = 62.0
    assert tally.longest_silence_s() == 3.0
    now[0] = 67.0
    assert tally.longest_silence_s() == 7.0


def test_what_must_not_happen_is_told_once():
    tally = Tally()
    tally.add_problem("x")
    tally.add_problem("x")
    assert tally.problems == ["x"]
    tally.count("poll", "200")
    tally.count("poll", "503")
    assert tally.rows() == [("poll", 2, "200: 1, 503: 1")]
