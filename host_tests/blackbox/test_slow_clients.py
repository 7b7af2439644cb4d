"""Clients that are slow, silent, or gone."""

import time
from contextlib import ExitStack

import pytest

from host_tests.blackbox.client import drop_closed

HALF = b"GET /quick HTTP/1.1\r\nHost: x\r\n"


def test_quick_answers_within_a_second_beside_thirty_half_requests(board):
    with ExitStack() as stack:
        clients = []
        for _ in range(board.crowd):
            clients.append(stack.enter_context(board.connect()).sock)
            clients[-1].sendall(HALF)
        board.get("/quick")  # now all thirty have been let in; the queue was full of them
        for _ in range(10):
            clients = drop_closed(clients)
            start = time.monotonic()
            assert board.get("/quick").status == 200
            assert time.monotonic() - start < 1 + board.slack_s


@pytest.mark.parametrize(
    "begin", [b"", HALF + b"Content-Length: 999\r\n\r\n"], ids=["head", "body"]
)
def test_defect_h_what_drips_is_408_at_the_deadline(board, begin):
    with board.connect() as client:
        start = time.monotonic()
        client.sock.sendall(begin)
        client.sock.settimeout(0.5)
        for octet in HALF * 10:
            client.sock.sendall(bytes([octet]))
            try:
                client.sock.recv(1, 2)  # MSG_PEEK
                break
            except TimeoutError:
                pass
        client.sock.settimeout(board.patience_s)
        response = client.receive()
        assert (response.status, response.reason) == (408, "Request Timeout")
        assert 4.5 < time.monotonic() - start < 7 + board.slack_s
        assert client.is_closed()


def test_defect_e_when_both_clients_of_long_vanish_the_workers_are_ready_within_3_s(board):
    for turn in range(10):
        start = time.monotonic()
        clients = [board.start_long() for _ in range(2)]
        assert time.monotonic() - start < 3 + board.slack_s
        for client in clients:
            if turn % 2:
                client.reset()
            else:
                client.sock.close()


def test_a_client_that_closes_in_the_middle_of_its_request_leaves_nothing(board):
    for cut in range(1, len(HALF), 7):
        with board.connect() as client:
            client.sock.sendall(HALF[:cut])
    assert board.get("/quick").status == 200
