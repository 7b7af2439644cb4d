"""Each example of docs/examples/ does what it says, for a real client."""

import json
import re
import shutil

import pytest
import requests

from host_tests.blackbox.test_applications import frame, receive
from tools.checkout import ROOT

EXAMPLES = ROOT / "docs" / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/main.py"))
HELLO = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
UNCALIBRATED = """
from machine import ADC

def refuse(self):
    raise OSError(-258, "ESP_ERR_INVALID_ARG")

ADC.read_uv = refuse
"""


@pytest.fixture
def start(start_board):
    """Starts an example by its name: the board, and the URL of its root."""

    def begin(name):
        board = start_board(app=EXAMPLES / name / "main.py")
        return board, f"http://127.0.0.1:{board.port}"

    return begin


def test_each_example_is_in_the_list_and_short():
    listed = re.findall(r"\]\((\w+)/main\.py\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == NAMES
    for name in NAMES:
        lines = (EXAMPLES / name / "main.py").read_text().splitlines()
        assert 20 <= len(lines) <= 60, name


@pytest.mark.parametrize(
    "name", [path.parent.name for path in sorted(EXAMPLES.glob("*/index.html"))]
)
def test_a_page_is_sent_with_its_type(start, name):
    _, url = start(name)
    page = requests.get(url, timeout=10)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert page.content == (EXAMPLES / name / "index.html").read_bytes()


def test_led_is_switched_by_the_form(start):
    _, url = start("led")
    assert requests.get(f"{url}/led", timeout=10).json() == {"on": False}
    for word in ("on", "off"):
        answer = requests.post(f"{url}/led", {"led": word}, timeout=10)
        assert answer.status_code == 200 and answer.history[0].status_code == 303
        assert requests.get(f"{url}/led", timeout=10).json() == {"on": word == "on"}
    assert requests.post(f"{url}/led", {"led": "x"}, timeout=10).status_code == 400
    assert requests.post(f"{url}/led", timeout=10).status_code == 400


def test_sensor_tells_its_voltage(start):
    _, url = start("sensor")
    answer = requests.get(f"{url}/voltage", timeout=10)
    assert answer.json()["mv"] == 1650 and answer.headers["Cache-Control"] == "no-store"


def test_sensor_tells_its_voltage_on_a_chip_that_was_not_calibrated(start_board, tmp_path):
    shutil.copytree(EXAMPLES / "sensor", tmp_path / "sensor")
    main = tmp_path / "sensor" / "main.py"
    main.write_text(UNCALIBRATED + main.read_text())
    assert json.loads(start_board(app=main).get("/voltage").text)["mv"] == 1650


def test_dashboard_sends_events(start):
    _, url = start("dashboard")
    with requests.get(f"{url}/events", stream=True, timeout=10) as answer:
        lines = answer.iter_lines()
        for _ in range(2):
            assert next(lines) == b"event: state"
            assert set(json.loads(next(lines).removeprefix(b"data: "))) == {"uptime_s", "heap"}
            assert next(lines) == b""


def upgrade(client, path):
    client.sock.sendall(HELLO % path)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")


def test_websocket_echoes_and_tells_everybody(start):
    board, _ = start("websocket")
    with board.connect() as one, board.connect() as other, board.connect() as echo:
        for client, path in ((one, b"/chat"), (other, b"/chat"), (echo, b"/echo")):
            upgrade(client, path)
        echo.sock.sendall(frame(b"again"))
        assert receive(echo, 7) == b"\x81\x05again"
        one.sock.sendall(frame(b"hello"))
        assert receive(one, 7) == receive(other, 7) == b"\x81\x05hello"
        one.sock.close()
        other.sock.sendall(frame(b"alone"))
        assert receive(other, 7) == b"\x81\x05alone"


def test_files_go_up_and_come_down_whole(start):
    board, url = start("files")
    content = bytes(range(256)) * 200
    answer = requests.put(f"{url}/files/a.bin", data=content, timeout=20)
    assert (answer.status_code, answer.json()) == (201, {"name": "a.bin", "size": len(content)})
    assert (board.flash.root / "files" / "a.bin").read_bytes() == content
    assert requests.get(f"{url}/files", timeout=10).json() == ["a.bin"]
    assert requests.get(f"{url}/files/a.bin", timeout=20).content == content
    assert requests.get(f"{url}/files/b.bin", timeout=10).status_code == 404
    assert requests.delete(f"{url}/files/a.bin", timeout=10).status_code == 204
    assert requests.get(f"{url}/files", timeout=10).json() == []


def test_files_have_names_and_nothing_leaves_their_folder(start):
    board, url = start("files")
    for path, name in (("a%20b.txt", "a b.txt"), ("%C3%A9%2B.txt", "é+.txt")):
        assert requests.put(f"{url}/files/{path}", data=b"x", timeout=10).json()["name"] == name
        assert requests.get(f"{url}/files", timeout=10).json() == [name]
        assert requests.get(f"{url}/files/{path}", timeout=10).content == b"x"
        assert requests.delete(f"{url}/files/{path}", timeout=10).status_code == 204
    for path in ("..%2Fconfig.json", "%2E%2E", "%2Fboot.py"):
        with board.connect() as client:
            assert client.request("PUT", f"/files/{path}", b"x").status == 404
    with board.connect() as client:  # and vanishes
        head = "PUT /files/half HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
        client.sock.sendall(head.encode() + b"x" * 5000)
        board.wait_line("invoking /files/half")
    board.wait_closed()
    assert requests.get(f"{url}/files", timeout=10).json() == []


def test_csv_is_a_table_of_so_many_readings(start):
    _, url = start("csv")
    answer = requests.get(f"{url}/readings.csv?count=20&pause_ms=1", timeout=20)
    head, *rows = answer.text.splitlines()
    assert head == "ms,reading" and len(rows) == 20
    assert all(re.fullmatch(r"\d+,32768", row) for row in rows)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert requests.get(f"{url}/readings.csv?count=x", timeout=10).status_code == 400
    assert requests.get(url, timeout=20).text.count("\n") == 1001


def test_api_takes_json_from_whoever_has_the_token(start):
    board, url = start("api")
    owner = {"Authorization": "Bearer change-me"}
    item = {"colour": "red"}
    assert requests.put(f"{url}/items/a", json=item, timeout=10).status_code == 401
    assert requests.put(f"{url}/items/a", json=item, headers=owner, timeout=10).json() == item
    found = requests.get(f"{url}/items", headers={"Origin": "http://page"}, timeout=10)
    assert found.json() == {"a": item}
    assert found.headers["Access-Control-Allow-Origin"] == "http://page"
    assert requests.put(f"{url}/items/a", json=[1], headers=owner, timeout=10).status_code == 400
    assert requests.delete(f"{url}/items/a", headers=owner, timeout=10).status_code == 204
    assert f"http://127.0.0.1:{board.port}/items/a" in requests.get(url, timeout=10).text
    gone = requests.delete(f"{url}/items/a", headers=owner, timeout=10)
    assert (gone.status_code, gone.json()) == (404, {"error": "not found"})


def test_sessions_know_a_visitor_again(start):
    _, url = start("sessions")
    with requests.Session() as visitor:
        for number in (1, 2, 3):
            assert f"Visit {number}." in visitor.get(url, timeout=10).text
        assert "Visit 1." in visitor.post(f"{url}/forget", timeout=10).text
    assert "Visit 1." in requests.get(url, timeout=10).text


def test_background_goes_on_beside_the_server_and_with_the_link(start):
    board, url = start("background")
    assert requests.put(f"{url}/period/10", timeout=10).json()["period_ms"] == 10
    before = requests.get(url, timeout=10).json()["blinks"]
    while requests.get(url, timeout=10).json()["blinks"] < before + 3:
        pass
    board.drop_link()
    board.restore_link()
    before = requests.get(url, timeout=10).json()["blinks"]
    while requests.get(url, timeout=10).json()["blinks"] < before + 3:
        pass
