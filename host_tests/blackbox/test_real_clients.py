"""The clients that people use."""

import http.client
import shutil
import subprocess

import pytest
import requests


def url(board, path):
    return f"http://{board.host}:{board.port}{path}"


def curl(*options):
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    done = subprocess.run(["curl", "-sS", *options], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout


def test_python_http_client(board):
    connection = http.client.HTTPConnection(board.host, board.port, timeout=board.patience_s)
    for method in ("GET", "HEAD", "GET"):
        connection.request(method, "/quick")
        response = connection.getresponse()
        assert response.status == 200
        assert response.read().startswith(b"" if method == "HEAD" else b"random: ")
    connection.close()


def test_requests_with_a_session(board):
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(url(board, "/quick"), timeout=board.patience_s).text.startswith(
                "random: "
            )
        chunked = session.post(
            url(board, "/quick"), data=iter([b"a", b"b"]), timeout=board.patience_s
        )
        assert chunked.status_code == 405
        with session.get(url(board, "/long"), stream=True, timeout=board.patience_s) as response:
            assert next(response.iter_lines()).startswith(b"<div>req: ")


@pytest.mark.parametrize(
    ("options", "output"),
    [
        (["-w", " %{http_version} %{http_code}"], " 1.1 200"),
        (["--http1.0", "-w", " %{http_code}"], " 200"),
        (["-d", "a=b", "-w", " %{http_code}"], " 405"),
        (["-d", "@" + __file__, "-w", " %{http_code}", "-H", "Expect: 100-continue"], " 405"),
        (["-T", "-", "-X", "POST", "-w", " %{http_code}"], " 405"),
        (["-I", "-w", " %{http_code}"], " 200"),
    ],
)
def test_curl(board, options, output):
    status, text = curl(*options, url(board, "/quick"))
    assert status == 0
    assert text.endswith(output)


def test_curl_on_one_connection(board):
    connects = ["-w", "%{num_connects}"]
    status, text = curl(*connects, url(board, "/quick"), *connects, url(board, "/"))
    assert status == 0
    assert text.startswith("random: ") and text.endswith("0")


def test_curl_that_gives_up_on_long_frees_the_worker(board):
    for _ in range(3):
        status, text = curl("-N", "--max-time", str(1 + board.slack_s), url(board, "/long"))
        assert status == 28
        assert "<div>req: " in text


@pytest.mark.parametrize("options", [["-k"], []])
def test_ab(board, options):
    if shutil.which("ab") is None:
        pytest.skip("no ab here")
    # Fewer of them than sockets: ab gives up when one of its idle connections is purged.
    clients = str(min(4, board.max_open_sockets - 1))
    line = ["ab", "-q", *options, "-n", "300", "-c", clients, "-l", url(board, "/quick")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=140)
    assert done.returncode == 0, done.stderr
    assert "Failed requests:        0\n" in done.stdout
    kept = "Keep-Alive requests:    300\n" in done.stdout
    assert kept == bool(options)
