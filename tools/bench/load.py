"""Puts load on a server, from processes of their own: requests, and clients that are a burden."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.bench.clients import Burden
from tools.bench.generator import NUMBER, Outcome, Plan
from tools.bench.servers import Failure, Server, fetch
from tools.checkout import ROOT
from tools.simulator.interpreter import die_with_parent

QUICK = "GET /quick HTTP/1.1\r\nHost: bench\r\n\r\n"
# No head like the one before: what was parsed can't be used again.
QUICK_DIFFERENT = f"GET /quick?n={NUMBER} HTTP/1.1\r\nHost: bench\r\nX-Number: {NUMBER}\r\n\r\n"
ONCE_DIFFERENT = QUICK_DIFFERENT.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
QUICK_ONCE = "GET /quick HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
# What a browser sends: 16 fields, about 700 bytes.
BROWSER = "\r\n".join(
    [
        "GET /quick HTTP/1.1",
        "Host: 192.168.1.20",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
        "image/apng,*/*;q=0.8",
        "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
        "Accept-Encoding: gzip, deflate",
        "Cache-Control: max-age=0",
        "Upgrade-Insecure-Requests: 1",
        "DNT: 1",
        "Referer: http://192.168.1.20/",
        "Cookie: theme=dark; session=2f6c1f0c8e5b4b0f9a3a",
        'sec-ch-ua: "Chromium";v="126", "Not.A/Brand";v="24"',
        "sec-ch-ua-mobile: ?0",
        'sec-ch-ua-platform: "Linux"',
        "Connection: keep-alive",
        "Priority: u=0, i",
        "",
        "",
    ]
)
BROWSER_DIFFERENT = BROWSER.replace("/quick", f"/quick?_={NUMBER}").replace(
    "session=2f6c1f0c", f"session={NUMBER}"
)
BROWSER_ONCE = BROWSER_DIFFERENT.replace("Connection: keep-alive", "Connection: close")
# A document of 1 KB, as a sensor sends it; the head is always the same.
_DOCUMENT = json.dumps({"n": NUMBER, "values": [round(20 + n * 0.37, 2) for n in range(145)]})
_DOCUMENT_LEN = len(_DOCUMENT) - len(NUMBER) + 8
POST = (
    "POST /json HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    f"Content-Length: {_DOCUMENT_LEN}\r\n\r\n{_DOCUMENT}"
)
FILE = "GET /file HTTP/1.1\r\nHost: bench\r\n\r\n"

_WAIT_S = 30


@dataclass
class Result:
    """Of one visit.  The CPU figures are shares of one core; None where the system does not tell.

    cpu_us  processor time of the server for one request
    """

    rate: float
    seconds: float
    errors: int
    cpu_us: float | None
    server_share: float | None


def measure(server: Server, request: str, connections: int, seconds: float) -> Result:
    """The throughput of a server."""
    before = server.cpu_s()
    load = generate(Plan(server.port, request, connections, seconds))
    total, spent_s, errors = len(load.latencies_ms), load.seconds, load.errors
    if not total:
        raise Failure(f"{server.kind} answers nothing: {errors} errors")
    cpu_s = None if before is None else (server.cpu_s() or 0) - before
    return Result(
        rate=total / spent_s,
        seconds=spent_s,
        errors=errors,
        cpu_us=None if cpu_s is None else cpu_s / total * 1e6,
        server_share=None if cpu_s is None else cpu_s / spent_s,
    )


def generate(plan: Plan) -> Outcome:
    """A load from our own generator, in a process of its own."""
    with _start("generator", plan) as process:
        text = _collect(process, plan.seconds)
    if process.returncode:
        raise Failure(f"the generator has ended with status {process.returncode}")
    return Outcome(**json.loads(text))


@contextmanager
def burden(server: Server, kind: str, count: int) -> Iterator[None]:
    """Clients of `clients`, all accepted or cut when this begins, and gone after it."""
    with _start("clients", Burden(server.port, kind, count)) as process:
        try:
            assert process.stdout
            if not select.select([process.stdout], [], [], _WAIT_S)[0]:
                raise Failure(f"{server.kind}: {count} clients do not get in ({kind})")
            if kind != "pour":
                fetch(server.port, _WAIT_S)  # it stood in the queue behind them
            yield
        finally:
            process.kill()


def _start(module: str, order: Plan | Burden) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"tools.bench.{module}", json.dumps(vars(order))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours
        preexec_fn=die_with_parent,
    )


def _collect(process: "subprocess.Popen[str]", seconds: float) -> str:
    """What a client prints, when it is over."""
    try:
        return process.communicate(timeout=_WAIT_S + seconds)[0]
    except subprocess.TimeoutExpired:
        raise Failure("the generator does not end")
    finally:
        process.kill()
