"""`make bench` as a whole, on the real servers, with one small row."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.waiting import wait_for
from tools.bench.peers import are_here
from tools.bench.servers import prepare
from tools.checkout import ROOT
from tools.version.build import BOARD

BENCH = [sys.executable, "-m", "tools", "bench", "--rounds", "1"]


def run(*arguments, **environment):
    return subprocess.run(
        [*BENCH, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_one_row_is_measured_on_all_its_servers_without_any_tool_installed(tmp_path):
    files = ["--json", str(tmp_path / "a.json"), "--picture", str(tmp_path / "a.svg")]
    own = str(Path(sys.executable).parent)
    done = run("--only", "close,calls", "--seconds", "0.2", *files, PATH=own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "calls: skipped, no strace on PATH" in done.stdout
    rows = {row["name"]: row for row in json.loads((tmp_path / "a.json").read_text())["rows"]}
    assert set(rows["close"]["medians"]) == {"httpd32", "info", "microdot", "bare"}
    assert all(rate > 10 for rate in rows["close"]["medians"].values())
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_the_probe_tells_what_is_in_the_heap_of_a_server(tmp_path):
    done = run("--only", "heap,mpy", "--json", str(tmp_path / "a.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "a.json").read_text())["rows"]}
    heap = rows["heap"]["medians"]
    assert 5_000 < heap["bare"] < heap["microdot"] < heap["httpd32"] < 190_000
    assert 500 < rows["heap.half"]["result"] < 20_000
    microdot = (BOARD / "lib" / "microdot").glob("*.mpy")  # without what nothing calls
    assert rows["mpy.microdot"]["result"] == sum(file.stat().st_size for file in microdot)


def test_the_routes_of_an_application_and_other_servers_are_measured(tmp_path):
    arguments = ["--only", "post,file,biplane,uhttp,accompanied", "--seconds", "0.2"]
    done = run(*arguments, "--json", str(tmp_path / "a.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "a.json").read_text())["rows"]}
    pairs = {"post": "microdot", "file": "microdot", "accompanied": "alone"}
    if are_here():
        pairs |= {"biplane": "biplane", "uhttp": "uhttp"}
    for name, other in pairs.items():
        assert set(rows[name]["medians"]) == {"httpd32", other}
        assert all(rate > 10 for rate in rows[name]["medians"].values())
        assert rows[f"{name}.errors"]["result"] == 0


def test_an_unknown_row_is_answered_by_one_line_with_the_known_ones():
    done = run("--only", "quick,speed")
    assert done.returncode == 1
    assert done.stderr.startswith("--only speed: no such experiment; different, quick,")
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_a_file_that_is_no_earlier_run_is_answered_by_one_line(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    done = run("--compare", str(tmp_path / "a.json"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "not a file that --json has written" in done.stderr


def test_the_experiments_can_be_listed():
    names = [line.split()[0] for line in run("--list").stdout.split("\n") if line]
    assert {"quick", "browser", "heap", "pouring", "start"} <= set(names)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the children in /proc")
def test_ctrl_c_stops_the_servers():
    prepare()
    bench = subprocess.Popen(
        [*BENCH, "--only", "quick", "--seconds", "60"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(Path(sys.executable).parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with bench:
        children = wait_for(lambda: find_children(bench.pid, "tools.bench.generator"))
        servers = find_children(bench.pid, "serve_httpd32")
        bench.send_signal(signal.SIGINT)
        assert bench.wait(60) == 130
        assert bench.stdout.read().rstrip().endswith("stopped")
    assert servers
    # A process that was just being started is ended by the kernel.
    wait_for(lambda: not any(is_alive(pid) for pid in servers + children))


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def find_children(parent, word):
    """The processes under `parent` whose command line has this word."""
    found = []
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        found += [int(pid)] if word in line else []
    return found
