"""What each route answers: status, headers, body, and when."""

import re
import time


def test_the_index_links_to_the_other_routes(board):
    response = board.get("/")
    assert (response.status, response.reason) == (200, "OK")
    assert response.headers["content-type"].startswith("text/html")
    assert 'href="/long"' in response.text and 'href="/quick"' in response.text


def test_quick_is_a_random_unsigned_integer_as_text(board):
    texts = {board.get("/quick").text for _ in range(5)}
    assert all(re.fullmatch(r"random: \d+\n", text) for text in texts)
    assert len(texts) > 1
    response = board.get("/quick?a=b")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert int(response.headers["content-length"]) == len(response.body)


def test_anything_else_is_404(board):
    for path in ("/nope", "/quick/", "/%00", "/..", "//", "/?"):
        with board.connect() as client:
            response = client.request("GET", path)
            assert response.status == (200 if path == "/?" else 404)
            assert client.request("GET", "/quick").status == 200


def test_a_route_that_allows_another_method_is_405(board):
    with board.connect() as client:
        assert client.request("POST", "/quick", b"x").status == 405
        assert client.request("GET", "/quick").status == 200


def test_long_begins_at_once_and_goes_on_line_by_line(board):
    board.start_long().sock.close()
    with board.connect() as client:
        start = time.monotonic()
        client.send("GET", "/long?a=b")
        response = client.begin()
        lines = [client.read_piece() for _ in range(3)]
        times = time.monotonic() - start
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["transfer-encoding"] == "chunked"
        assert re.fullmatch(rb"<div>req: \d+</div>\n", lines[0])
        assert lines[1:] == [b"<div>0</div>\n", b"<div>1</div>\n"]
        assert 1.9 < times < 3 + board.slack_s


def test_the_first_line_of_long_comes_within_800_ms_and_its_number_goes_up(board):
    numbers = []
    for _ in range(4):
        start = time.monotonic()
        with board.start_long() as client:
            assert time.monotonic() - start < 0.8 + board.slack_s
            numbers.append(int(re.findall(rb"\d+", client.first_line)[0]))
    assert numbers == list(range(numbers[0], numbers[0] + 4))
