"""Long requests and quick ones at the same time."""

import socket
import statistics
import time
from contextlib import ExitStack

from host_tests.blackbox.client import drop_closed

# In a storm a newcomer has 50 ms for its request, and with one slot left it is purged after that.
AT_ONCE_S = 0.025
BUSY = "<div> no workers available. server busy.</div>"


def test_quick_answers_within_100_ms_beside_two_long(board):
    with ExitStack() as stack:
        start_longs(board, stack)
        times = []
        for _ in range(30):
            start = time.monotonic()
            assert board.get("/quick").status == 200
            times.append(time.monotonic() - start)
        assert statistics.median(times) < board.quick_s


def test_a_third_long_is_503_busy_at_once_and_its_connection_goes_on(board):
    with ExitStack() as stack:
        start_longs(board, stack)
        client = stack.enter_context(board.connect())
        for _ in range(3):
            start = time.monotonic()
            response = client.request("GET", "/long")
            assert time.monotonic() - start < 0.5 + board.slack_s
            assert (response.status, response.reason, response.text) == (503, "Busy", BUSY)
            assert int(response.headers["retry-after"]) > 0
        assert client.request("GET", "/quick").status == 200


def test_a_hundred_connections_in_three_seconds_stop_neither_long_nor_quick(board):
    with ExitStack() as stack:
        longs = start_longs(board, stack)
        start = time.monotonic()
        clients = []
        for number in range(100):
            clients.append(stack.enter_context(connect_only(board)))
            time.sleep(max(0, start + number * 0.03 - time.monotonic()))
        for client in longs:
            pieces = [client.read_piece() for _ in range(3)]
            assert pieces[-1].startswith(b"<div>")
        if board.slack_s:  # a connection that only one side has closed is one of its twelve
            clients = drop_closed(clients)
        assert ask_at_once(board).status == 200
        while board.slack_s and clients:  # or they would get in among the next tests' clients
            clients = drop_closed(clients, board.patience_s)


def connect_only(board):
    """A client that does not even wait to be accepted."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((board.host, board.port))
    return sock


def ask_at_once(board):
    """The response to a request that was sent at once; a computer may stand still before it is."""
    while True:
        start = time.monotonic()
        with board.connect() as client:
            client.send("GET", "/quick")
            was_late = time.monotonic() - start > AT_ONCE_S
            response = client.receive()
        if response.status == 200 or not was_late:
            return response


def start_longs(board, stack):
    return [stack.enter_context(board.start_long()) for _ in range(2)]
