"""What a server takes of the heap, and of the flash; seen by the probe inside it.

The heap in use is that of the whole process (the interpreter's own, asyncio, Microdot, the server,
its routes), without what the probe and the fake `network` take, which the probe has measured on
itself.  The same for every server.  Figures are of 64-bit MicroPython for Unix.
"""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from statistics import median

from tools.bench.conversation import Conversation
from tools.bench.experiment import Experiment, Goal, Row, Visit
from tools.bench.generator import Plan
from tools.bench.load import QUICK, generate
from tools.bench.servers import HOST, Rack, Server
from tools.version.build import BOARD

_KINDS = ("httpd32", "microdot", "bare")
_HALF = b"GET /quick HTTP/1.1\r\nHost: bench\r\nX-Half: "
_TURNS = 4  # of the loop, until what the clients did has arrived
_READINGS = 8
_MORE_CLIENTS = 5  # with the first one fewer than max_open_sockets
_SAMPLES = 15
_REQUESTS = 5  # a sample
_GARBAGE_HEAP = "4m"  # nothing is collected
_COLLECTIONS = 9
_CONNECTIONS = 4


def make(rack: Rack, seconds: float) -> list[Experiment]:
    return [_make_heap(rack), _make_garbage(rack), _make_pause(rack, seconds), _make_mpy(rack)]


def _make_heap(rack: Rack) -> Experiment:
    in_use = Row(
        "heap", "heap in use, nothing connected", "bytes", "microdot", Goal("at most", 1.8)
    )
    idle = Row("heap.idle", "  for one idle connection", "bytes", goal=Goal("at most", 1228))
    half = Row("heap.half", "  with half a request", "bytes", goal=Goal("at most", 1843))
    after = Row("heap.after", "  for one idle after a request", "bytes", goal=idle.goal)

    def visit(kind: str) -> Visit:
        return lambda: [
            _read_empty(rack, kind, in_use),
            *(_grow_by_client(rack, kind, each) for each in (b"", _HALF, QUICK.encode())),
        ]

    visits = {kind: visit(kind) for kind in _KINDS}
    return Experiment("heap", (in_use, idle, half, after), visits, rounds=3)


def _read_empty(rack: Rack, kind: str, row: Row) -> int:
    with rack.start(kind, has_probe=True) as server:
        server.wait_ready()
        row.note(f"heap: without the probe and a fake network, {server.ask('own')} bytes")
        return _read_heap(server)


def _grow_by_client(rack: Rack, kind: str, sent: bytes) -> float:
    """Heap for one more client that has sent this much.  The first one may cost extra."""
    with ExitStack() as stack:
        server = stack.enter_context(rack.start(kind, has_probe=True))
        server.wait_ready()
        _connect(stack, server, sent)
        first = _read_heap(server)
        for _ in range(_MORE_CLIENTS):
            _connect(stack, server, sent)
        return (_read_heap(server) - first) / _MORE_CLIENTS


def _connect(stack: ExitStack, server: Server, sent: bytes) -> None:
    """A client that stays; if it has asked for something it has got it."""
    sock = stack.enter_context(socket.create_connection((HOST, server.port), 5))
    sock.sendall(sent)
    if sent.endswith(b"\r\n\r\n"):
        sock.recv(4096)


def _read_heap(server: Server) -> int:
    """The least of several readings.

    The collector takes what looks like a pointer on the C stack for one, so that it finds some
    block only the next time, when the stack looks different.
    """
    for _ in range(_TURNS):
        server.ask("heap")
    return min(int(server.ask("heap")) for _ in range(_READINGS))


def _make_garbage(rack: Rack) -> Experiment:
    row = Row("garbage", "garbage of one /quick, keep-alive", "bytes", goal=Goal("at most", 3277))

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(kind, has_probe=True, heap=_GARBAGE_HEAP) as server:
                server.wait_ready()
                server.ask("off")
                with Conversation(server.port, QUICK) as client:
                    own = _grow(server, client, 0)
                    return [(_grow(server, client, _REQUESTS) - own) / _REQUESTS]

        return run

    return Experiment("garbage", (row,), {kind: visit(kind) for kind in _KINDS}, rounds=1)


def _grow(server: Server, client: Conversation, requests: int) -> float:
    """How much the heap grows by so many requests, the questions to the probe included.

    The median, because a server may choose to collect by itself.
    """
    growths = []
    for _ in range(_SAMPLES):
        before = int(server.ask("alloc"))
        for _ in range(requests):
            client.ask()
        growths.append(int(server.ask("alloc")) - before)
    return median(growths)


def _make_pause(rack: Rack, seconds: float) -> Experiment:
    pause = Row("pause", "longest pause of the loop under load", "ms")
    collection = Row("pause.collection", "  a full collection", "ms")

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(kind, has_probe=True) as server:
                server.wait_ready()
                server.ask("pause")
                generate(Plan(server.port, QUICK, _CONNECTIONS, seconds))
                longest_us = int(server.ask("pause"))
                collections_us = [int(server.ask("collect")) for _ in range(_COLLECTIONS)]
                return longest_us / 1000, median(collections_us) / 1000

        return run

    return Experiment("pause", (pause, collection), {kind: visit(kind) for kind in _KINDS})


def _make_mpy(rack: Rack) -> Experiment:
    row = Row("mpy", ".mpy files that stay loaded, without Microdot", "bytes")
    row.goal = Goal("at most", 16 * 1024)
    microdot = Row("mpy.microdot", "  Microdot", "bytes")

    def visit() -> Iterable[float]:
        with rack.start("httpd32", has_probe=True) as server:
            server.wait_ready()
            names = server.ask("modules").split()
        return _file_len(names, "firmware"), _file_len(names, "microdot")

    return Experiment("mpy", (row, microdot), {"httpd32": visit}, rounds=1)


def _file_len(names: list[str], package: str) -> int:
    """Bytes of the files of those modules that belong to a package.  httpd32 and its demo serve."""
    total = 0
    for name in names:
        if name.split(".")[0] != package:
            continue
        place = BOARD / ("lib" if package == "microdot" else "") / name.replace(".", "/")
        file = place.with_suffix(".mpy")
        total += (file if file.exists() else place / "__init__.mpy").stat().st_size
    return total
