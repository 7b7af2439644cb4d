"""What a board tells of itself: `/status.json`, `/metrics`, `/log`."""

import base64
import json

import pytest

from host_tests.blackbox import prometheus
from host_tests.blackbox.prometheus import Prometheus

PASSWORD = 'a "b" é'
AUTHORIZATION = "Authorization: Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
OWN = ("/status", "/status.json", "/metrics", "/log")
SCRAPES_S = 12  # a scrape a second
SCRAPES = 300


def ask(board, path):
    with board.connect() as client:
        return client.request("GET", path, headers=[AUTHORIZATION])


def test_the_first_line_names_httpd32_and_the_version_that_was_deployed(start_board):
    board = start_board()
    line = next(line for line in board.lines if line.startswith("I ("))
    told = json.loads(board.get("/status.json").body)
    assert f"httpd32: httpd32 {told['version']}, http://httpd32.local" in line
    assert line.endswith(f", application {told['application']}")
    assert told["application"] in (f"/{path.name}" for path in board.flash.root.iterdir())


def test_without_the_password_nothing_is_told(start_board):
    board = start_board(status={"password": PASSWORD})
    for path in OWN:
        response = board.get(path)
        assert response.status == 401
        assert response.headers["www-authenticate"].startswith('Basic realm="httpd32"')
        assert ask(board, path).status == 200
    board.wait_line("refused with 401: ('127.0.0.1', ")


def test_where_it_is_switched_off_there_is_nothing(start_board):
    board = start_board(status={"enabled": False})
    assert [board.get(path).status for path in OWN] == [404] * 4


def test_the_log_is_told_from_a_number_on(start_board):
    board = start_board()
    first = board.get("/log")
    number = first.headers["log-next"]
    assert len(first.body) == int(number)
    board.get("/quick")
    line = board.lines[board.wait_line("uri: /quick")]
    more = board.get(f"/log?after={number}")
    assert more.text == f"{line}\n"
    assert int(more.headers["log-next"]) == int(number) + len(more.body)
    assert board.get("/log?after=x").text == first.text + more.text


def test_what_is_told_is_told_while_the_link_comes_and_goes(start_board):
    board = start_board()
    board.drop_link()
    board.restore_link()
    told = json.loads(board.get("/status.json").body)
    assert told["link"]["reconnects"] == 1
    assert told["link"]["interface"] == "wifi" and told["link"]["rssi_dbm"] < 0


def test_each_request_is_a_line_at_debug(start_board):
    board = start_board(log={"level": "debug"})
    board.get("/quick?token=x")
    line = board.lines[board.wait_line("GET /quick: 200, ")]
    assert line.startswith("D (") and " bytes, " in line and " ms, ('127.0.0.1', " in line
    board.get("/status.json")
    board.wait_line("GET /status.json: 200, ")


@pytest.mark.parametrize("path", OWN)
def test_asking_again_and_again_leaves_the_heap_as_it_was(start_board, path):
    board = start_board()
    levels = []
    for count in (3, SCRAPES):
        with board.connect() as client:
            for _ in range(count):
                assert client.request("GET", path).status == 200
        levels.append(board.heap_level())
    assert levels[1] < levels[0] * 1.01


def test_promtool_accepts_the_metrics(start_board):
    if missing := prometheus.find():
        pytest.skip(missing)
    checked = prometheus.check(start_board().get("/metrics").body)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_prometheus_counts_what_the_client_has_counted(start_board, tmp_path):
    if missing := prometheus.find():
        pytest.skip(missing)
    board = start_board(status={"password": PASSWORD})
    folder = tmp_path / "prometheus"
    folder.mkdir()
    counted = {"2xx": 0, "4xx": 0}
    config = prometheus.write_config(folder, board.host, board.port, PASSWORD)
    with Prometheus(config) as watching:
        watching.wait_for("up", lambda value: value == 1)
        with board.connect() as client:
            while (watching.ask("count_over_time(up[5m])") or 0) < SCRAPES_S:
                for path in ("/quick", "/missing"):
                    status = client.request("GET", path).status
                    counted[f"{status // 100}xx"] += 1
        # Those of the end are seen by a later scrape.
        expected = counted["4xx"]
        series = 'httpd32_requests_total{class="4xx"}'
        assert watching.wait_for(series, lambda value: value >= expected) == expected
        own = watching.wait_for(
            'sum(httpd32_requests_total{class="2xx"}) - sum(count_over_time(up[5m]))',
            lambda value: value >= counted["2xx"] - 1,
        )
        assert own == counted["2xx"] - 1  # a scrape counts the ones before it
        assert watching.ask("httpd32_link_reconnects_total") == 0
        assert watching.ask("min_over_time(up[5m])") == 1
