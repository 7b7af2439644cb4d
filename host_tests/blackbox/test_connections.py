"""HTTP/1.1 persistent connections, and clients that want none."""

import pytest

SHORT = {"long_ticks": 3, "long_tick_ms": 20}


def test_twenty_requests_follow_each_other_on_one_connection(board):
    with board.connect() as client:
        for _ in range(20):
            assert client.request("GET", "/quick").status == 200


def test_long_to_its_end_and_long_again_on_one_connection(start_board):
    with start_board(demo=SHORT).connect() as client:
        for number in (1, 2):
            lines = client.request("GET", "/long").text.splitlines()
            assert lines == [f"<div>{text}</div>" for text in (f"req: {number}", 0, 1, 2)]
            assert client.request("GET", "/quick").status == 200


def test_five_pipelined_requests_are_answered_in_order(board):
    with board.connect() as client:
        head = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sock.sendall(b"".join(head % path for path in [b"/quick", b"/"] * 2 + [b"/quick"]))
        kinds = [client.receive().headers["content-type"][:9] for _ in range(5)]
        assert kinds == ["text/plai", "text/html"] * 2 + ["text/plai"]


def test_what_is_pipelined_behind_a_long_request_waits_for_it(start_board):
    with start_board(demo={"long_ticks": 3, "long_tick_ms": 400}).connect() as client:
        client.send("GET", "/long")
        client.send("GET", "/quick")
        assert client.receive().text.endswith("<div>2</div>\n")
        assert client.receive().text.startswith("random: ")


def test_an_http_1_0_client_is_closed_and_gets_no_chunks(start_board):
    board = start_board(demo=SHORT)
    for path in ("/quick", "/long"):
        with board.connect() as client:
            client.sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            response = client.receive()
            assert response.status == 200
            assert "transfer-encoding" not in response.headers
            assert client.is_closed()
    assert response.text.endswith("<div>2</div>\n")


def test_an_http_1_0_client_that_asks_for_it_is_kept(board):
    with board.connect() as client:
        for _ in range(2):
            response = client.request(
                "GET", "/quick", version="1.0", headers=["Connection: keep-alive"]
            )
            assert response.headers["connection"] == "keep-alive"


def test_connection_close_is_honoured(board):
    with board.connect() as client:
        response = client.request("GET", "/quick", headers=["Connection: close"])
        assert response.headers["connection"] == "close"
        assert client.is_closed()


@pytest.mark.parametrize("path", ["/", "/quick", "/long", "/nope"])
def test_head_has_the_headers_and_no_body(board, path):
    with board.connect() as client:
        response = client.request("HEAD", path)
        assert response.status == (404 if path == "/nope" else 200)
        assert "content-type" in response.headers
        assert response.body == b""
        assert client.request("GET", "/quick").text.startswith("random: ")
