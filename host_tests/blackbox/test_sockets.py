"""More clients than sockets."""

import threading
import time
from contextlib import ExitStack

import h11


def test_the_least_recently_used_connection_is_closed_for_a_newcomer_and_no_other(board):
    with ExitStack() as stack:
        clients = []
        for _ in range(board.max_open_sockets):
            clients.append(stack.enter_context(board.connect()))
            assert clients[-1].request("GET", "/quick").status == 200
        assert clients[0].request("GET", "/quick").status == 200
        newcomer = stack.enter_context(board.connect())
        assert newcomer.request("GET", "/quick").status == 200
        assert clients[1].is_closed()
        for client in [clients[0], *clients[2:]]:
            assert client.request("GET", "/quick").status == 200


def test_more_busy_clients_than_sockets_take_turns_and_few_are_cut(board):
    clients = [BusyClient(board) for _ in range(board.max_open_sockets + 1)]
    start = time.monotonic()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert sum(client.cuts for client in clients) < 5 + 40 * (time.monotonic() - start)


class BusyClient(threading.Thread):
    """Asks a hundred times without a pause, on another connection when one is cut."""

    def __init__(self, board):
        super().__init__()
        self.board = board
        self.cuts = 0
        self._left = 100

    def run(self):
        while self._left:
            with self.board.connect() as client:
                try:
                    self._ask(client)
                except (ConnectionError, h11.RemoteProtocolError):
                    self.cuts += 1

    def _ask(self, client):
        while self._left:
            assert client.request("GET", "/quick").status == 200
            self._left -= 1


def test_with_16_file_descriptors_and_more_clients_the_server_keeps_answering(start_board):
    board = start_board(server={"max_open_sockets": 8}, limit_files=16)
    with ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(board.connect())
            client.send("GET", "/long")
            assert client.begin().status == 200
        for _ in range(40):
            stack.enter_context(board.connect())
        for _ in range(10):
            assert board.get("/quick").status == 200
        assert cpu_share(board, client) < 0.3
    assert board.get("/quick").status == 200


def test_a_board_with_no_descriptor_to_spare_keeps_answering(start_board):
    """One connection fewer than its slots can be accepted: accept() itself fails."""
    board = start_board(server={"max_open_sockets": 8}, limit_files=16)
    spare = 16 - board.count_files()
    with ExitStack() as stack:
        long = stack.enter_context(board.start_long())
        for _ in range(spare + 4):
            client = stack.enter_context(board.connect())
            assert client.request("GET", "/quick").status == 200
        assert cpu_share(board, long) < 0.3
    assert board.get("/quick").status == 200


def cpu_share(board, client):
    """How much of a processor it takes while `client` gets the lines of a `/long`, one a second.

    A busy loop would show.
    """
    used, start = board.cpu_s(), time.monotonic()
    while time.monotonic() < start + 1:
        assert client.read_piece().startswith(b"<div>")
    return (board.cpu_s() - used) / (time.monotonic() - start)
