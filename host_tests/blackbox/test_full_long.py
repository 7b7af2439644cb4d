"""`/long` with default settings from its first line to its last, a minute later."""

import time


def test_long_has_sixty_lines_one_a_second_and_then_ends(start_board):
    board = start_board()
    with board.connect() as client:
        client.send("GET", "/long")
        response = client.begin()
        assert client.read_piece() == b"<div>req: 1</div>\n"
        start = time.monotonic()
        for number in range(60):
            assert client.read_piece() == b"<div>%d</div>\n" % number
            assert abs(time.monotonic() - start - number - 1) < 0.5
        assert client.finish(response).pieces == []
        assert client.request("GET", "/quick").status == 200
