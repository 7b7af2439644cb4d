"""What a board says on its console while it starts, and what that means.  Pure."""

import re

_ADDRESS = re.compile(r"IPv4 address: ([0-9.]+),")
_PORT = re.compile(r"Starting server on port: '(\d+)'")
_UP = "Registering URI handlers"
# Why the board could not join one of its networks; and that it has tried them all once.
_WIFI_FAILED = re.compile(r"W \(\d+\) \w+: Wi-Fi (.+)")
_ROUND_FAILED = re.compile(r"Wi-Fi: again in \d+ ms")
# Ethernet starts once, and says nothing as long as no cable is there; with "auto" Wi-Fi follows.
_ETHERNET_FAILED = re.compile(r"(Ethernet does not start: .+); put network.ethernet right")
_NO_CABLE = ("Ethernet has started", "Ethernet cable is not plugged in")
_MORE_FOLLOWS = ("Ethernet cable is plugged in", "falling back to Wi-Fi")
_LOG_LINE = re.compile(r"[EWID] \(\d+\) \w+: ")
_PLACE = re.compile(r'  File "(?:/httpd32-\w+/)?([^"]+)", line (\d+)')
_STARTED = ("rst:0x", "ESP-ROM:", "MPY: soft reboot")  # the chip, or MicroPython alone
_PANIC = ("Guru Meditation Error", "abort() was called", "Brownout detector")
_OWN_SERVER = re.compile(r"AttributeError: 'Microdot' object has no attribute '(run|start_server)'")
_HAS_FAILED = "main.py has failed: "  # and it starts again in a while
_PROMPT = ">>> "
_STARTS = 4  # one was asked for
_ROUNDS = 2  # one may fail by chance


class StartLog:
    """Reads the console from a reset on.

    address, port   of the server, when they were logged
    is_up           the server was started
    lines           of the log so far, as they were
    wifi_failures   why it could not join each network, in the present round of attempts
    no_network      the same of the last round, once two have failed; "" as long as there is hope
    no_ethernet     why it may say no more, one line with what to do; "" if something has followed
    failure         why it does not start, one line with what to do; "" as long as it may
    has_ended       main.py has ended by itself, or there is none
    """

    def __init__(self) -> None:
        self.address = ""
        self.port = 0
        self.is_up = False
        self.lines: list[str] = []
        self.wifi_failures: list[str] = []
        self.no_network = ""
        self.no_ethernet = ""
        self.failure = ""
        self.has_ended = False
        self._rest = ""
        self._starts = 0
        self._failed_rounds = 0
        self._panic = ""
        self._exception = ""
        self._place = ""
        self._in_traceback = False

    def feed(self, block: bytes) -> list[str]:
        """Takes what was received; the lines of the log that are complete now."""
        *lines, self._rest = (self._rest + block.decode("utf-8", "replace")).split("\n")
        known = len(self.lines)
        for line in lines:
            self._read(line.strip("\r"))
        if self._rest == _PROMPT and not self.failure:
            self.failure = self._why_ended()
        return self.lines[known:]

    def _read(self, line: str) -> None:
        if line.startswith(_STARTED):
            self._count_start()
        elif line.startswith(_PANIC):
            self._panic = f" ({line})"
        elif line.startswith("config.json: ") and not self.failure:
            self.failure = f"{line}; make config, then make deploy"
        elif line.startswith(_HAS_FAILED) and not self.failure:
            self.failure = self._why_ended()
        elif line.startswith("Traceback "):
            self._in_traceback = True
        elif self._in_traceback:
            self._read_traceback(line)
        elif _LOG_LINE.match(line):
            self._read_log(line)

    def _read_log(self, line: str) -> None:
        self.lines.append(line)
        if found := _ADDRESS.search(line):
            self.address = found[1]
        elif found := _PORT.search(line):
            self.port = int(found[1])
        elif line.endswith(_UP):
            self.is_up = True
        elif found := _WIFI_FAILED.match(line):
            self.wifi_failures.append(found[1])
        elif _ROUND_FAILED.search(line):
            self._fail_round()
        else:
            self._read_ethernet(line)

    def _read_ethernet(self, line: str) -> None:
        if found := _ETHERNET_FAILED.search(line):
            self.no_ethernet = f"{found[1]}; make config, then make deploy"
        elif line.endswith(_NO_CABLE):
            self.no_ethernet = "no Ethernet cable is plugged in; plug one in, and the server starts"
        elif line.endswith(_MORE_FOLLOWS):
            self.no_ethernet = ""

    def _fail_round(self) -> None:
        self._failed_rounds += 1
        if self._failed_rounds >= _ROUNDS and not self.address:
            self.no_network = ", ".join(dict.fromkeys(self.wifi_failures)) or "it does not say why"
        self.wifi_failures = []

    def _read_traceback(self, line: str) -> None:
        if found := _PLACE.match(line):
            self._place = f" ({found[1]}, line {found[2]})"
        elif not line.startswith(" "):
            self._in_traceback = False
            self._exception = line

    def _count_start(self) -> None:
        self._starts += 1
        if self._starts >= _STARTS and not self.failure:
            self.failure = (
                f"The board restarts again and again{self._panic or self._last_exception()}; "
                "make rollback goes back to the version before, make flash begins anew"
            )

    def _last_exception(self) -> str:
        return f" ({self._exception})" if self._exception else ""

    def _why_ended(self) -> str:
        if found := _OWN_SERVER.match(self._exception):
            return (
                f"main.py fails on the board: app.{found[1]}() is Microdot's own server"
                f"{self._place}; write run(app) instead, and from firmware import run"
            )
        if self._exception:
            return (
                f"main.py fails on the board: {self._exception}{self._place}; correct it and "
                "make deploy, or make rollback"
            )
        self.has_ended = True
        return "main.py has ended on the board, without a server; it should call run(), see README"
