"""The load that `make bench` makes: what it sends, and that it counts what comes back."""

import select
import socket
import threading
import time

import h11
import pytest

from host_tests.waiting import wait_for
from tools.bench import load
from tools.bench.clients import Hold, Poll, Pour, Reconnect, Stream
from tools.bench.conversation import Conversation
from tools.bench.generator import Outcome, Plan, numbered, response_length, run
from tools.bench.load import BROWSER, QUICK, QUICK_DIFFERENT, QUICK_ONCE

REQUESTS = [
    text for name, text in vars(load).items() if name[0].isalpha() and " HTTP/1.1\r" in str(text)
]
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\nok"
REFUSED = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class TinyServer:
    """Answers each request with the next of `answers`, the last of them for ever.

    An answer of b"" cuts the connection, a number is a pause in seconds before the next answer.
    """

    def __init__(self, *answers):
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._clients = []
        self.requests = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for each in self._clients:
            each.close()

    def _accept(self):
        try:
            while True:
                sock = self._listener.accept()[0]
                self.connections += 1
                self._clients.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, sock):
        try:
            while request := sock.recv(65536):
                with self._lock:
                    self.requests.append(request)
                    answer = self._next()
                    if isinstance(answer, float):
                        time.sleep(answer)  # for every connection: they all want the lock
                        answer = self._next()
                sock.sendall(answer)
                if answer in (b"", LAST, UNTIL_CLOSED):
                    break
        except OSError:
            pass
        sock.close()

    def _next(self):
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize("text", REQUESTS)
def test_what_is_sent_is_a_whole_valid_request(text):
    sent = numbered(text)
    for each in (next(sent), next(sent)):
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(each)
        request = parser.next_event()
        assert request.target.split(b"?")[0] in (b"/quick", b"/json", b"/file")
        if request.method == b"POST":
            assert 900 <= len(parser.next_event().data) <= 1100
        assert isinstance(parser.next_event(), h11.EndOfMessage)
        assert parser.trailing_data[0] == b""


def test_with_a_number_no_head_is_like_another_and_all_are_as_long():
    sent = numbered(QUICK_DIFFERENT)
    heads = [next(sent) for _ in range(100)]
    assert len(set(heads)) == 100
    assert len({len(head) for head in heads}) == 1
    with TinyServer(KEPT) as server:
        run(Plan(server.port, QUICK_DIFFERENT, connections=3, count=50, seconds=30))
        assert len(set(server.requests)) == len(server.requests) >= 50


def test_the_browser_sends_about_fifteen_fields_in_about_700_bytes():
    assert 14 <= BROWSER.count("\r\n") - 2 <= 16
    assert 600 <= len(BROWSER) <= 750


@pytest.mark.parametrize("answer", [KEPT, LAST, UNTIL_CLOSED])
def test_the_generator_counts_what_the_server_has_answered(answer):
    with TinyServer(answer) as server:
        load = run(Plan(server.port, QUICK, connections=3, count=50, seconds=30))
        # A connection that was asking when the count was full has sent a request, too.
        assert 50 <= len(load.latencies_ms) <= len(server.requests) <= 55
        assert set(server.requests) == {QUICK.encode()}
    assert load.errors == 0


def test_a_connection_is_kept_when_the_server_keeps_it_and_made_again_when_not():
    for answer, most in ((KEPT, 2), (LAST, 36)):
        with TinyServer(answer) as server:
            run(Plan(server.port, QUICK, connections=2, count=30, seconds=30))
            assert server.connections <= most
            assert (server.connections > 20) == (answer is LAST)


def test_a_request_that_wants_to_be_the_last_gets_a_connection_of_its_own():
    with TinyServer(KEPT) as server:
        run(Plan(server.port, QUICK_ONCE, connections=1, count=10, seconds=30))
        assert server.connections >= 10


def test_a_refusal_and_a_cut_are_errors_and_not_answers():
    with TinyServer(REFUSED, b"", KEPT) as server:
        load = run(Plan(server.port, QUICK, connections=1, count=5, seconds=30))
    assert load.errors == 2
    assert len(load.latencies_ms) == 5


def test_at_a_pace_a_stall_is_seen_by_every_request_that_it_held_up():
    with TinyServer(KEPT, KEPT, 0.4, KEPT) as server:
        load = run(Plan(server.port, QUICK, connections=1, count=60, seconds=30, pace_ms=10))
    late = [latency for latency in load.latencies_ms if latency > 95]
    assert len(late) >= 25
    assert load.longest_ms() >= 395


def test_who_is_not_answered_in_the_end_has_waited_as_well():
    with TinyServer(20.0, KEPT) as server:
        load = run(Plan(server.port, QUICK, connections=2, seconds=0.3))
        paced = run(Plan(server.port, QUICK, connections=1, seconds=0.3, pace_ms=50))
    assert len(load.pending_ms) == 2
    assert min(load.pending_ms) >= 290
    assert len(paced.pending_ms) >= 6
    assert load.percentile_ms(50) == min(load.pending_ms)


def test_a_percentile_is_the_wait_that_so_many_did_not_exceed():
    load = Outcome(latencies_ms=[float(number) for number in range(1, 101)])
    assert [load.percentile_ms(percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert Outcome(latencies_ms=[3.0]).percentile_ms(99) == 3


@pytest.mark.parametrize(
    ("received", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length:7\r\n\r\nrand", 44),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it closes", None),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 29),
        (b"HTTP/1.1 200 OK\r\n\r\nContent-Length: 9\r\n\r\n", 19),
    ],
)
def test_the_length_of_a_response_is_known_from_its_head(received, length):
    assert response_length(received) == length


class Watched:
    """A poller for a client that is watched: it does nothing."""

    def register(self, *_):
        pass

    modify = unregister = register


class Burden:
    host = "127.0.0.1"

    def __init__(self, port):
        self.port = port


def begin(kind, port):
    return kind(Burden(port), Watched())


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (Hold, b"X-Slow: "),
        (Reconnect, b"X-Slow: "),
        (Poll, b"\r\n\r\n"),
        (Pour, b"aaaa"),
        (Stream, b"\r\n\r\n"),
    ],
)
def test_a_burden_sends_what_it_should(kind, sent):
    with TinyServer(KEPT) as server:
        client = begin(kind, server.port)
        wait_for(lambda: server.connections)
        client.write()
        wait_for(lambda: server.requests)
        client.sock.close()
        assert server.requests[0].endswith(sent)
        assert b"\n" not in server.requests[0] or kind is not Pour


@pytest.mark.parametrize(
    ("kind", "returns"),
    [(Hold, False), (Reconnect, True), (Poll, True), (Pour, True), (Stream, True)],
)
def test_a_burden_that_is_cut_comes_back_or_is_gone(kind, returns):
    with TinyServer(KEPT) as server:
        client = begin(kind, server.port)
        assert not client.is_due(time.monotonic() + 1000)
        client.lose()
        assert client.is_due(time.monotonic() + 1000) == returns


def test_a_burden_that_polls_asks_again_when_a_second_has_passed():
    with TinyServer(KEPT) as server:
        client = begin(Poll, server.port)
        client.write()
        wait_for(lambda: server.requests)
        client.turn(time.monotonic() + 1000)
        assert not client.has_begun and len(server.requests) == 1  # the answer is still to come
        select.select([client.sock], [], [], 10)
        client.read()
        client.turn(time.monotonic())
        assert len(server.requests) == 1
        client.turn(time.monotonic() + 1)
        wait_for(lambda: len(server.requests) == 2)
        client.sock.close()


@pytest.mark.parametrize("answer", [KEPT, UNTIL_CLOSED])
def test_a_conversation_asks_one_after_the_other(answer):
    with TinyServer(answer) as server, Conversation(server.port, QUICK) as client:
        assert [client.ask() for _ in range(3)] == [answer] * 3
        assert server.connections == 1 if answer == KEPT else server.connections >= 3
