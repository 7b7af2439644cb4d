"""A fleet behind a real HAProxy, which a real Prometheus watches."""

import http.server
import json
import subprocess
import threading
from contextlib import ExitStack

import h11
import pytest

from host_tests.blackbox import prometheus
from host_tests.blackbox.client import Client
from host_tests.blackbox.prometheus import Prometheus
from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard
from host_tests.tools import front
from host_tests.tools.fleets import run_command
from host_tests.tools.front import HAProxy
from host_tests.tools.network_board import PASSWORD, Version, deployed
from host_tests.waiting import wait_for
from tools.commands import fleet
from tools.fleet import boards

NAMES = ("attic", "cellar", "kitchen")
COMMON: dict = {
    "server": {"max_async_requests": 1},
    "demo": {"long_ticks": 10000, "long_tick_ms": 50},
    "status": {"password": 'a "b" é😀'},
    "update": {"password": PASSWORD},
    "network": {"wifi": [{"ssid": "simulated"}]},
}
LINES = 20
PAUSE_S = 0.01  # of a client: there is something else for the processor to do
BUSY = "<div> no workers available. server busy.</div>"

pytestmark = pytest.mark.skipif(front.find() is not None, reason=front.find() or "")


class Fleet:
    """Three boards that serve, behind an HAProxy at `port`; `folder` has their fleet.toml."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.port = reserve_port()
        self._ports = {name: reserve_port() for name in NAMES}
        (folder / "config.json").write_text(json.dumps(COMMON))
        self.write_toml()
        fleet.write(boards.read(folder / "fleet.toml"), folder)
        self.boards = {}
        for name, port in self._ports.items():
            version = Version(folder / f"{name}-first", port, name)
            version.configure(**COMMON | {"server": COMMON["server"] | {"port": port}})
            flash = deployed(folder / name, version)
            self.boards[name] = stack.enter_context(SerialBoard(flash, is_pty=True))
        for board in self.boards.values():
            board.wait_text(b"Registering URI handlers")
        stack.enter_context(HAProxy(folder / "haproxy.cfg", self.port))
        self.watching = None if prometheus.find() else stack.enter_context(self._watch())

    def _watch(self):
        folder = self.folder / "prometheus"
        folder.mkdir()
        config = folder / "prometheus.yml"
        text = (self.folder / "prometheus.yml").read_text()
        config.write_text(text.replace("scrape_interval: 15s", "scrape_interval: 1s"))
        return Prometheus(config)

    def write_toml(self, **lines):
        """lines  more of a board"""
        text = f'bind = "127.0.0.1:{self.port}"\n'
        for name, port in self._ports.items():
            text += f'[boards.{name}]\nhost = "127.0.0.1:{port}"\n'
            text += f"settings.server.port = {port}\n{lines.get(name, '')}\n"
        (self.folder / "fleet.toml").write_text(text)

    def connect(self):
        return Client("127.0.0.1", self.port)

    def get(self, path):
        with self.connect() as client:
            return client.request("GET", path)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with ExitStack() as stack:
        yield Fleet(tmp_path_factory.mktemp("fleet"), stack)


class Load:
    """Clients that ask again and again: two for `/quick`, and one for lines of `/long`.

    quick, long  what came back: 200, or what else
    """

    def __init__(self, served):
        self._served = served
        self.quick: list = []
        self.long: list = []
        self._end = threading.Event()
        asked = ((self._ask_quick, self.quick), (self._ask_quick, self.quick))
        self._threads = [
            threading.Thread(target=self._run, args=each)
            for each in (*asked, (self._ask_long, self.long))
        ]

    def __enter__(self):
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for each in self._threads:
            each.join(30)

    def wait_more(self):
        """Until each of the two kinds has been served again."""
        for answers, count in ((self.quick, 20), (self.long, 1)):
            wanted = answers.count(200) + count
            wait_for(lambda answers=answers, wanted=wanted: answers.count(200) >= wanted, 30)

    def _run(self, ask, answers):
        while not self._end.wait(PAUSE_S):
            try:
                ask(answers)
            except (OSError, h11.RemoteProtocolError) as error:
                answers.append(f"lost, {error!r}")

    def _ask_quick(self, answers):
        response = self._served.get("/quick")
        answers.append(200 if response.status == 200 else f"{response.status}: {response.text}")

    def _ask_long(self, answers):
        with self._served.connect() as client:
            client.send("GET", "/long")
            response = client.begin()
            answers.append(response.status)
            for _ in range(LINES):
                if not client.read_piece():
                    break


def test_prometheus_sees_every_board(served):
    if not served.watching:
        pytest.skip(str(prometheus.find()))
    series = 'count(up{job="httpd32", instance=~"attic|cellar|kitchen"} == 1)'
    served.watching.wait_for(series, lambda value: value == len(NAMES))


def test_haproxy_and_prometheus_take_the_files(served):
    checked = front.check(served.folder / "haproxy.cfg")
    assert (checked.returncode, checked.stderr) == (0, ""), checked
    if missing := prometheus.find():
        pytest.skip(missing)
    line = ["promtool", "check", "config", str(served.folder / "prometheus.yml")]
    subprocess.run(line, check=True, capture_output=True, timeout=60)


def test_long_requests_go_to_one_board_each_and_the_fourth_is_refused(served):
    marks = {name: len(board.console) for name, board in served.boards.items()}
    with ExitStack() as stack:
        for _ in NAMES:
            client = stack.enter_context(served.connect())
            client.send("GET", "/long")
            assert client.begin().status == 200
        fourth = served.get("/long")
        assert (fourth.status, fourth.text, fourth.headers["retry-after"]) == (503, BUSY, "1")
        for name, board in served.boards.items():
            assert board.console.count(b"invoking /long", marks[name]) == 1
        assert [served.get("/quick").status for _ in range(20)] == [200] * 20


def test_no_quick_request_is_lost_while_every_board_is_updated(served):
    starts = {name: board.reset_count for name, board in served.boards.items()}
    with Load(served) as load:
        load.wait_more()
        served.write_toml(**dict.fromkeys(NAMES, 'settings.log.level = "debug"'))
        done = run_command(served.folder / "fleet.toml")
        load.wait_more()
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.count(" updated ") == len(NAMES)
    assert set(load.quick) == {200}
    for name, board in served.boards.items():
        assert board.reset_count == starts[name] + 1


def test_updates_do_not_go_through_the_front(served):
    for path in ("/.httpd32/nonce", "/%2Ehttpd32/nonce"):
        assert served.get(path).status == 404
    assert not any(b"/.httpd32/nonce, " in board.console for board in served.boards.values())


class Fake(http.server.ThreadingHTTPServer):
    """What a front takes for a board.

    asked      the methods of requests that were no health checks
    is_silent  whether it hangs up on those, without a word
    """

    def __init__(self, is_silent):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list = []
        self.is_silent = is_silent
        threading.Thread(target=self.serve_forever, args=(0.02,)).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    server: Fake

    def do_GET(self):
        is_check = self.path == "/quick"
        if not is_check:
            self.server.asked.append(self.command)
        if is_check or not self.server.is_silent:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_a_request_that_may_have_had_an_effect_is_not_made_again(tmp_path):
    port = reserve_port()
    (tmp_path / "config.json").write_text(json.dumps(COMMON))
    with Fake(is_silent=True) as silent, Fake(is_silent=False) as other:
        text = f'bind = "127.0.0.1:{port}"\n'
        for name, fake in (("silent", silent), ("other", other)):
            text += f'[boards.{name}]\nhost = "127.0.0.1:{fake.server_port}"\n'
        (tmp_path / "fleet.toml").write_text(text)
        fleet.write(boards.read(tmp_path / "fleet.toml"), tmp_path)
        with HAProxy(tmp_path / "haproxy.cfg", port):
            statuses: dict = {"GET": [], "POST": []}
            for method, found in statuses.items():
                for _ in range(8):
                    with Client("127.0.0.1", port) as client:
                        found.append(client.request(method, "/other").status)
    assert statuses["GET"] == [200] * 8
    assert statuses["POST"].count(200) == other.asked.count("POST")
    assert statuses["POST"].count(502) == silent.asked.count("POST") > 0
    assert silent.asked.count("GET") > 0
