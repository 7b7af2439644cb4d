"""The line of a board that is played here."""

import os
import select
import selectors
import threading

import pytest

from host_tests.serial import line

LONG = bytes(range(256)) * 200  # far more than a pseudo-terminal takes


@pytest.fixture
def pseudo_terminal():
    with selectors.DefaultSelector() as selector:
        made = line.SerialLine(selector, lambda octets: None, is_pty=True)
        yield made
        made.close()


def test_a_slow_reader_of_a_pseudo_terminal_loses_nothing(pseudo_terminal):
    reader = os.open(pseudo_terminal.port, os.O_RDWR | os.O_NOCTTY)
    sender = threading.Thread(target=pseudo_terminal.send, args=(LONG,))
    sender.start()
    received = b""
    while len(received) < len(LONG) and select.select([reader], [], [], 5)[0]:
        received += os.read(reader, 100)
    sender.join()
    os.close(reader)
    assert received == LONG


def test_what_nobody_reads_holds_up_the_board_once_at_most(pseudo_terminal, monkeypatch):
    monkeypatch.setattr(line, "_UNREAD_S", 0.01)
    waits = []
    original = select.select

    def watched(*given):
        waits.append(given[3])
        return original(*given)

    monkeypatch.setattr(select, "select", watched)
    for _ in range(3):
        pseudo_terminal.send(LONG)
    assert waits.count(0) == 2 and waits[-2:] == [0, 0]
