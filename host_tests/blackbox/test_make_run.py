"""`make run` runs what a board runs."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from host_tests.blackbox.made_run import MAIN, START
from tools.checkout import ROOT

FLASH = ROOT / "build" / "flash"


def test_main_is_the_main_module(start):
    board = start(f'{START}if __name__ == "__main__":\n    run(app)\n').wait_up()
    assert board.get("/quick").text == "quick"


def test_a_main_that_ends_without_run_is_one_line_and_status_1(start):
    board = start(START)
    assert board.wait_end() == 1
    assert board.lines[1:] == ["main.py has ended without run(app), which is its last line"]


def test_a_server_of_microdots_own_is_one_line_and_status_1(start, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "part.py").write_text("from microdot import Microdot\napp = Microdot()\n")
    board = start("from part import app\napp.run(port=80)\n")
    assert board.wait_end() == 1
    (line,) = board.lines[1:]
    assert line == "main.py starts Microdot's own server; its last line is run(app), from firmware"


def test_an_exception_in_main_is_its_traceback_and_a_pause_in_which_it_can_be_ended(start):
    board = start("1 / 0\n")
    board.wait_line("main.py has failed: starting again in 10 s; Ctrl-C for the prompt")
    assert "ZeroDivisionError" in board.lines[-2]
    board.process.send_signal(signal.SIGINT)
    assert board.wait_end() == 0


@pytest.mark.parametrize(
    ("decorators", "given", "line"),
    [
        ("@pool.long\n@app.get('/slow')", "pool", "@pool.long of slow goes below its route"),
        ("@app.get('/slow')\n@pool.long", "WorkerPool()", "run() was not given the pool of slow"),
    ],
)
def test_a_long_handler_that_would_not_be_one_is_refused_in_one_line(
    start, decorators, given, line
):
    slow = f"{decorators}\nasync def slow(request):\n    return 'slow'\n\n"
    pool = "from firmware import WorkerPool\npool = WorkerPool()\n\n"
    board = start(f"{START}{pool}{slow}run(app, {given})\n")
    assert board.wait_end() == 1
    assert board.lines[1:] == [line]


def test_a_pool_that_is_not_given_is_found(start):
    pool = "from firmware import WorkerPool\npool = WorkerPool()\n\n"
    slow = "@app.get('/slow')\n@pool.long\nasync def slow(request):\n    return 'slow'\n\n"
    board = start(f"{START}{pool}{slow}run(app)\n").wait_up()
    assert board.get("/slow").text == "slow"
    board.wait_line("invoking /slow")


def test_the_url_and_what_can_be_typed_come_first(start):
    board = start().wait_up()
    assert board.lines[0].startswith(f"http://127.0.0.1:{board.port}: type down or up ")
    board.process.stdin.write("down\n")
    board.process.stdin.flush()
    board.wait_line("Stopping webserver")


FILES = """
import json, os
name = "/%d-%d"
os.mkdir(name)
with open(name + "/a.json", "w") as file:
    json.dump([1, 2], file)
os.rename(name + "/a.json", name + "/b.json")
with open(name + "/b.json") as file:
    print("READ", json.load(file), os.stat(name + "/b.json")[6] > 0)
print("LISTED", os.listdir(name), name[1:] in os.listdir("/"))
print("ROOT", [entry[1] for entry in os.ilistdir("/") if entry[0] == name[1:]])
home = os.getcwd()
os.chdir(name)
print("INSIDE", os.getcwd() == name, os.listdir())
os.chdir("/")
os.remove(name + "/b.json")
os.rmdir(name)
for lost in ("/etc/passwd", "/../../../../../../etc/passwd", "../../../../../../../etc/passwd"):
    try:
        open(lost)
        print("LEAK")
    except OSError:
        print("NOT THERE")
os.chdir(home)
print("SIZE", os.statvfs("/")[0] > 0)
"""


def test_the_root_is_a_folder_of_its_own(start, runtime):
    board = start(FILES % (os.getpid(), runtime == "cpython") + MAIN).wait_up()
    said = "\n".join(board.lines)
    for line in (
        "READ [1, 2] True",
        "LISTED ['b.json'] True",
        "ROOT [16384]",
        "INSIDE True ['b.json']",
        "SIZE True",
    ):
        assert line in said
    assert said.count("NOT THERE") == 3 and "LEAK" not in said


def test_what_an_application_writes_into_the_root_is_there_at_the_next_run(start, runtime):
    name = f"kept-{os.getpid()}-{runtime}.txt"
    main = f'with open("/{name}", "a") as file:\n    file.write("x")\n'
    main += f'print("HELD", open("/{name}").read())\n{MAIN}'
    try:
        with start(main) as first:
            first.wait_line("HELD x")
        start(main).wait_line("HELD xx")
        assert not Path("/", name).exists()
    finally:
        (FLASH / name).unlink()


def test_the_files_that_it_sends_are_where_they_are_on_a_board(start, tmp_path):
    (tmp_path / "app" / "pages").mkdir(parents=True)
    (tmp_path / "app" / "pages" / "it's.html").write_text("<p>page</p>")
    route = '\n@app.get("/")\nasync def index(request):\n'
    route += '    from microdot import send_file\n    return send_file("pages/it\'s.html")\n'
    assert start(f"{START}{route}\nrun(app)\n").wait_up().get("/").text == "<p>page</p>"


def test_the_address_of_a_client_is_text(start):
    route = '\n@app.get("/who")\nasync def who(request):\n    return list(request.client_addr)\n'
    board = start(f"{START}{route}\nrun(app)\n").wait_up()
    host, port = json.loads(board.get("/who").text)
    assert host == "127.0.0.1" and port > 1023


def test_what_a_board_lacks_is_not_there(start):
    tried = (
        "try:\n    import pytest\n    print('THERE')\nexcept ImportError:\n    print('MISSING')\n"
    )
    board = start(tried + MAIN).wait_up()
    assert "MISSING" in board.lines


HOME = {"network": {"wifi": [{"ssid": "home", "password": "secret12"}]}}
STATIC = {"address": "192.168.7.50", "netmask": "255.255.255.0", "gateway": "192.168.7.1"}


@pytest.mark.parametrize(
    ("network", "line"),
    [
        (HOME["network"], "Wi-Fi home: connecting"),
        ({**HOME["network"], "static_ip": STATIC}, "IPv4 address: 127.0.0.1,"),
        ({"interface": "ethernet", "ethernet": {"board": "Olimex ESP32-POE"}}, "IPv4 address: 127"),
        (
            {"interface": "ethernet", "ethernet": {"board": "WT32-ETH01"}},
            "IPv4 address: 127.0.0.1,",
        ),
    ],
    ids=["password", "static", "address 0", "address 1"],
)
def test_the_network_of_the_configuration_exists(start, network, line):
    board = start(config={"network": network}).wait_up()
    board.wait_line(line)
    assert board.get("/quick").text == "quick"


def test_the_port_of_the_configuration_counts_unless_another_is_given(start, tmp_path):
    board = start(config={"server": {"port": 1}}).wait_up()
    assert board.get("/quick").text == "quick"


def test_a_port_that_is_taken_ends_it_with_one_line(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        board = start(port=port)
        assert board.wait_end() == 1
    assert board.lines == [f"Port {port} is taken by another program; HTTP_PORT={port + 1}"]


def test_a_host_that_is_not_this_computer_ends_it_with_one_line(start):
    board = start(options=("--host", "192.0.2.1"))
    assert board.wait_end() == 1
    (line,) = board.lines
    assert line.startswith("HTTP_HOST=192.0.2.1: ")


def test_any_host_is_reached_at_this_one(start):
    board = start(options=("--host", "0.0.0.0")).wait_up()
    assert board.get("/quick").text == "quick"
    assert ", from elsewhere http://" in board.lines[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'{"server": {"port": 8080,}}', ", line 1, column 26: not JSON, "),
        (b'{\n "server": {\n  "port" 8080}}', ", line 3, column 10: not JSON, "),
        (b'{"server": {"prot": 8080}}', ": server.prot: no such setting; "),
        (b'{"netwrok": {}}', "did you mean network?"),
        (b'{"log": {"level": "caf\xe9"}}', ", line 1: byte 0xe9 is not UTF-8"),
        (b"[]", ": [] is not allowed; an object"),
        (b'{"log": {"level": NaN}}', ": not JSON; "),
        (b"[" * 100000, ": not JSON; "),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_with_its_place(start, tmp_path, text, line):
    path = tmp_path / "c.json"
    path.write_bytes(text)
    board = start(options=("--config", str(path)))
    assert board.wait_end() == 1
    (told,) = board.lines
    assert told.startswith(f"CONFIG={path}") and line in told


@pytest.mark.parametrize("port", ["abc", "0", "65536"])
def test_a_port_that_is_none_is_one_line(start, port):
    board = start(options=("--port", port))
    assert board.wait_end() == 1
    assert board.lines == [f"HTTP_PORT={port}: not a port; an integer from 1 to 65535"]


def test_a_configuration_that_is_not_there_is_one_line(start, tmp_path):
    board = start(options=("--config", str(tmp_path / "c.json")))
    assert board.wait_end() == 1
    (told,) = board.lines
    assert told.endswith(": No such file or directory; name another with CONFIG=")


def test_a_configuration_with_a_byte_order_mark_works(start, tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(HOME).encode())
    start(options=("--config", str(path))).wait_up().wait_line("Wi-Fi home")


def test_a_traceback_names_the_source_and_the_flash_holds_no_link_to_it(start, runtime, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "part.py").write_text("1 / 0\n")
    board = start("import part\n")
    board.wait_line("main.py has failed: starting again")
    place = str(tmp_path / "app" / "part.py") if runtime == "cpython" else "part.py"
    assert any(place in line and "line 1" in line for line in board.lines)
    assert [path for path in FLASH.rglob("*") if path.is_symlink()] == []
