"""Mutated updates: whatever arrives, nothing is written and the board goes on."""

import os
import random

from host_tests.blackbox.test_fuzz import mutate, read_to_the_end
from host_tests.blackbox.updating import (
    OWN,
    PASSWORD,
    Updater,
    make_version,
    plan_of,
    read_flash,
)

CONVERSATIONS = int(os.environ.get("CONVERSATIONS", "50"))


def head_of(updater, method, command, body, nonce, password=PASSWORD):
    field = updater.sign(command, body, nonce, password)["Authorization"]
    lines = [f"{method} {OWN}{command} HTTP/1.1", f"Host: {updater.host}"]
    lines += [f"Authorization: {field}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode()


def flip(rng, text):
    """One bit of it is another."""
    at = rng.randrange(len(text))
    return text[:at] + bytes([text[at] ^ 1 << rng.randrange(4)]) + text[at + 1 :]


def spoil(rng, updater, method, command, body, nonce):
    """A request as it would be, but for something that makes it another."""
    kind = rng.randrange(4)
    if kind == 0:  # it is no proof whatever becomes of it
        return mutate(rng, head_of(updater, method, command, body, nonce, "wrong")) + body
    head = head_of(updater, method, command, body, nonce)
    if kind == 1 and body:
        return head + flip(rng, body)
    if kind == 2 and body:
        return head + body[: rng.randrange(len(body))]
    start = head.index(b" httpd32 ") + len(b" httpd32 ")
    end = head.index(b"\r\n", start)
    return head[:start] + flip(rng, head[start:end]) + head[end:] + body


def converse(board, request):
    with board.connect() as client:
        try:
            client.sock.sendall(request)
            read_to_the_end(client.sock)
        except ConnectionError:
            pass


def test_mutated_updates_write_nothing(start_board):
    board = start_board(update={"password": PASSWORD})
    updater = Updater(board)
    rng = random.Random(17)
    folder, wanted, contents = make_version(main="print('x')\n", part="NAME = 1\n" * 300)
    lines = plan_of(folder, wanted, contents)
    plan = "".join(f"{line}\n" for line in lines).encode()
    before = read_flash(board)
    for _ in range(CONVERSATIONS):
        converse(board, spoil(rng, updater, "POST", "update", plan, updater.read_nonce()))
    board.wait_closed()
    assert read_flash(board) == before
    nonce = updater.begin(*lines)
    before = read_flash(board)
    for _ in range(CONVERSATIONS):
        for number, content in enumerate(contents.values(), 2):
            converse(board, spoil(rng, updater, "PUT", f"file/{number}", content, nonce))
        converse(board, spoil(rng, updater, "POST", "activate", b"", updater.read_nonce()))
        assert board.get("/quick").status == 200
    board.wait_closed()
    assert read_flash(board) == before
    assert board.count_lines("Traceback") == 0, "\n".join(board.lines[-20:])
