"""The link goes and comes back."""

from contextlib import ExitStack

import pytest

CYCLES = 40


def test_forty_times_down_and_up_leaves_everything_as_after_the_first(start_board):
    board = start_board(log={"level": "info"})
    sockets = heap = 0
    for cycle in range(CYCLES):
        with ExitStack() as stack:
            clients = [stack.enter_context(board.connect()) for _ in range(7)]
            for at, client in enumerate(clients):  # one that is silent for long is closed
                client.send("GET", "/long" if at < 2 else "/quick")
            for client in clients[:2]:
                assert client.begin().status == 200
            for client in clients[2:]:
                assert client.receive().status == 200
            board.drop_link()
            for client in clients[2:]:
                assert client.is_closed()
            board.restore_link()
        if cycle == 0:
            heap, sockets = board.heap_level(), board.count_sockets()
    assert board.heap_level() < heap * 1.01
    assert board.count_sockets() == sockets
    assert board.count_lines("starting async req task worker") == 2
    assert board.count_lines("Starting webserver") == CYCLES + 1
    assert board.count_lines("Traceback") == 0


def test_while_the_link_is_down_nobody_listens(start_board):
    board = start_board()
    board.drop_link()
    with pytest.raises(ConnectionRefusedError):
        board.connect()
    board.restore_link()
    assert board.get("/quick").status == 200
