"""What the server tells of itself: `/status`, `/status.json`, `/metrics` and `/log`.

It is loaded when one of them is asked for, and leaves the memory when nobody has asked for a while.
So the log is kept from the first question for it on; of what was before there are the last errors
and warnings, which `Log` keeps anyway.  All answers are made a piece at a time.
"""

import gc
import json
import sys
from binascii import b2a_base64
from hashlib import sha256
from time import ticks_diff, ticks_ms

import machine
from esp32 import HEAP_DATA, idf_heap_info
from microdot import Response
from micropython import const

import firmware
from firmware.encode import error_text
from firmware.radio import INTERNAL_LEN
from firmware.refusal import note_refusal

_PIECE_LEN = const(512)
_PATIENCE_MS = const(300000)
_SCARCE_LEN = const(4096)  # of the heap: with less than that left,
_SCARCE_MS = const(10000)  # this is the patience
_CAUSES = ("", "power on", "reset", "watchdog", "deep sleep", "soft reset")
# Each value of /status.json, those of a section with its name; in the order of `_values`.
_NAMES = (
    "version application reset_cause last_words uptime_seconds boots safe_mode heap.used_bytes "
    "heap.free_bytes pool.free_bytes pool.largest_bytes pool.least_bytes link.interface "
    "link.address link.rssi_dbm link.reconnects link.down_seconds sockets.open sockets.most "
    "sockets.limit sockets.purged workers.busy workers.limit workers.refused "
    "loop.worst_lag_seconds requests.1xx requests.2xx requests.3xx requests.4xx requests.5xx"
)


class Status:
    """Answers for the server, whose `parts` are those of `app.py`."""

    is_update = False

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._kept: Anything = None
        self._asked = ticks_ms()

    def answer(self, request: "Request") -> "Response":
        """The response to a request for one of the four."""
        self._asked = ticks_ms()
        return Response(*self._find_answer(request))

    def is_needed(self, now: int) -> bool:
        """Whether somebody has asked in the last minutes; seconds, where others need the memory."""
        silent_ms = ticks_diff(now, self._asked)
        if silent_ms >= _SCARCE_MS and not self._parts.memory.has(_SCARCE_LEN):
            return False
        return silent_ms < _PATIENCE_MS

    def close(self) -> None:
        if self._kept:
            self._kept.stop()

    def _find_answer(self, request: "Anything") -> tuple:
        """Body, status and headers."""
        headers = {"Cache-Control": "no-store"}
        password = self._parts.password
        if password and not is_allowed(request.headers.get("Authorization"), password):
            note_refusal(self._parts.log, request.wire, 401)
            headers["WWW-Authenticate"] = 'Basic realm="httpd32", charset="UTF-8"'
            return error_text(401).decode(), 401, headers
        path = request.path
        if path == "/status":
            headers["Content-Type"] = "text/html; charset=UTF-8"
            headers["Content-Encoding"] = "gzip"
            return _read(_find_folder() + "/status.html.gz"), 200, headers
        if path == "/status.json":
            headers["Content-Type"] = "application/json"
            return self._json(), 200, headers
        if path == "/metrics":
            headers["Content-Type"] = "text/plain; version=0.0.4; charset=UTF-8"
            from firmware.metrics import tell

            firmware.drop("metrics")  # it is there until it has told all
            return tell(_NAMES.split(), self._values()), 200, headers
        if not self._kept:
            from firmware.kept_log import KeptLog

            firmware.drop("kept_log")  # it is there as long as what it keeps
            self._kept = KeptLog(self._parts.log)
        after = request.args.get("after") or ""
        end = self._kept.end
        headers["Log-Next"] = str(end)
        return self._kept.read(int(after) if after.encode().isdigit() else 0, end), 200, headers

    def _json(self) -> "Pieces":
        before = ""
        start = "{"
        for path, value in zip(_NAMES.split(), self._values()):
            section, _, name = path.rpartition(".")
            if section != before:
                start = '%s, "%s": {' % ("}" if before else "", section)
                before = section
            yield '%s"%s": %s' % (start, name, json.dumps(value))
            start = ", "
        yield "}}\n"

    def _values(self) -> "Anything":
        """Of each name its value, None where there is none."""
        parts = self._parts
        server = parts.server
        table = server.table
        pool = server.workers
        supervisor = parts.supervisor
        health = parts.health
        cause = machine.reset_cause()
        free, largest, least = _read_pool()
        busy = len(pool.jobs)
        values = [
            firmware.__version__,
            _find_folder() or "/",
            _CAUSES[cause] if 0 < cause < len(_CAUSES) else str(cause),
            health and health.last_words,
            supervisor.uptime_s,
            health and health.boots,
            health and int(health.is_safe_mode),
            gc.mem_alloc(),
            gc.mem_free() - (largest or 0),
            free,
            largest,
            least,
        ]
        values += _read_radio(supervisor.link.address)
        values += [
            max(0, supervisor.reconnects),
            supervisor.down_s,
            server.count_open(),
            server.admission.most_open,
            len(table.slots),
            table.purged,
            busy,
            busy + pool.count_ready(),
            pool.refused,
            server.worst_lag_ms / 1000,
        ]
        return values + table.responses[1:6]


def is_allowed(given: str | None, password: str) -> bool:
    """Whether a field `Authorization` has the password (RFC 7617), in the same time for any."""
    scheme, _, credentials = (given or "").partition(" ")
    wanted = b2a_base64(b"admin:" + password.encode())[:-1]
    difference = scheme.lower() != "basic"
    digests = (sha256(credentials.strip().encode()).digest(), sha256(wanted).digest())
    for one, other in zip(digests[0], digests[1]):
        difference |= one ^ other
    return not difference


def _find_folder() -> str:
    """The folder of the application, which is named after the version that was deployed."""
    for path in sys.path:
        if path.startswith("/httpd32-"):
            return path
    return ""


def _read(path: str) -> "Pieces":
    with open(path, "rb") as file:
        block = file.read(_PIECE_LEN)
        while block:
            yield block
            block = file.read(_PIECE_LEN)


def _read_pool() -> tuple:
    """Free bytes, the largest free block, the least ever free; None each, without figures."""
    regions = [each for each in idf_heap_info(HEAP_DATA) if each[0] < INTERNAL_LEN]
    if not regions:
        return None, None, None
    return (
        sum([each[1] for each in regions]),
        max([each[2] for each in regions]),
        sum([each[3] for each in regions]),
    )


def _read_radio(address: str | None) -> list:
    """The interface that has the address, this, and the signal over Wi-Fi in dBm."""
    wifi: Anything = sys.modules.get("firmware.wifi")
    wlan = wifi and wifi.WiFi.wlan
    if wlan and wlan.isconnected() and address == wlan.ipconfig("addr4")[0]:
        return ["wifi", address, wlan.status("rssi")]
    return ["ethernet" if address else None, address, None]
