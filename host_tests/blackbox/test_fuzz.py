"""Any bytes on a socket: an answer or a closed connection, never a dead server."""

import random
import socket

REQUESTS = 5000
WARM_UP = 2000  # routes are compiled when they are first matched, workers used when first needed
SEEDS = [
    b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /quick?a=b&c=%20d HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nConnection: close\r\n\r\n",
    b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nContent-Type: application/json\r\n\r\n",
    b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
]
TOKENS = [b"\r\n", b"\n", b"\0", b" ", b":", b"%", b"\xff", b"0", b"-1", b"HTTP/1.1", b"A: b\r\n"]


def mutate(rng, text):
    data = bytearray(text)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[at : at + rng.randrange(1, 8)] = b""
        elif kind == 1:
            data[at:at] = rng.choice(TOKENS) * rng.choice([1, 1, 1, 50])
        elif kind == 2:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 3:
            data[at:at] = data[: rng.randrange(40)]
        else:
            del data[at + rng.randrange(20) :]
    return bytes(data)


def read_to_the_end(sock):
    """Says that nothing more will come, and takes what the server has to say until it closes."""
    try:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass


def test_five_thousand_mutated_requests_leave_everything_as_it_was(start_board):
    board = start_board(demo={"long_ticks": 2, "long_tick_ms": 10})
    rng = random.Random(32)
    heap = 0
    for number in range(WARM_UP + REQUESTS):
        if number == WARM_UP:
            heap = board.heap_level()
        with board.connect() as client:
            client.sock.sendall(mutate(rng, rng.choice(SEEDS)))
            if number % 3 == 0:
                client.reset()
            else:
                read_to_the_end(client.sock)
        if number % 100 == 0:
            assert board.get("/quick").status == 200
    assert board.heap_level() < heap * 1.02
    assert board.count_lines("Traceback") == 0, "\n".join(board.lines[-20:])
