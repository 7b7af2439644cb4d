"""Why the last run ended, and how many starts have gone wrong; loaded when a run begins or ends.

It is one record in the memory of the RTC, which every reset leaves and only the loss of power
wipes.  What an application keeps there itself is left alone: then there are no last words.
"""

import hashlib
import io
import json
import os
import sys
from time import sleep_ms

import machine
from micropython import const

import firmware

_ALONE = "/update.alone"  # as in `update`
_MAX_BAD = const(5)
_MAGIC = b"httpd32\x01"
_DIGEST_LEN = const(4)
_MAX_LEN = const(250)  # of the words, in characters: a line of the log
_PAUSE_MS = const(10000)  # in which Ctrl-C gets the prompt of a board that fails again and again
_TURN_MS = const(50)
_MIN_TIMEOUT_S = const(60)  # for a start, whose length has nothing to do with the setting
_MAX_TIMEOUT_S = const(3600)

# What a run is doing, as far as its record tells.
_RUNS = const(0)
_SERVED = const(1)  # it has served for a minute
_ENDED = const(2)  # and its last words are there

# What is said when the run itself has said nothing.  A panic reads as HARD_RESET, a brown-out as
# PWRON_RESET.
_CAUSES = {
    machine.PWRON_RESET: "the reset button, or power was short",
    machine.HARD_RESET: "machine.reset(), or MicroPython has crashed",
    machine.WDT_RESET: "watchdog: nothing was served for too long",
    machine.DEEPSLEEP_RESET: "deep sleep",
    machine.SOFT_RESET: "a soft reset",
}


class Record:
    """What is known of the starts.

    version  that was started: the folder of a deploy
    boots    starts since power came
    bad      of these the ones that have gone wrong since the last good one, or the last deploy
    state    of the present run
    words    how the run before it ended; when it has ended itself, how it did; "" for nothing
    """

    def __init__(self, version: str, boots: int, bad: int, state: int, words: str) -> None:
        self.version = version
        self.boots = boots
        self.bad = bad
        self.state = state
        self.words = words

    def is_safe_mode(self) -> bool:
        return self.bad >= _MAX_BAD

    def pack(self) -> bytes:
        text = "%d\n%d\n%d\n%s\n%s" % (self.boots, self.bad, self.state, self.version, self.words)
        octets = text.encode()
        return _MAGIC + hashlib.sha256(octets).digest()[:_DIGEST_LEN] + octets

    def begin(self, version: str, cause: int) -> None:
        """The next run begins, after a reset of this cause."""
        if self.state != _ENDED:
            self.words = _CAUSES.get(cause, "")
            self.bad += cause == machine.WDT_RESET and self.state == _RUNS
        # Another application; a loss of power, on a chip that kept the record; or no launcher that
        # could leave the application out.
        if version != self.version or cause == machine.PWRON_RESET or not version:
            self.bad = 0
        self.version = version
        self.boots += 1
        self.state = _RUNS

    def serve(self) -> None:
        """It has served for a minute.  In safe mode that says nothing of the application."""
        if not self.is_safe_mode():
            self.bad = 0
        self.state = _SERVED

    def end(self, words: str, is_bad: bool) -> None:
        """It ends; `is_bad` if a start that ends so before it has served has gone wrong."""
        self.bad += is_bad and self.state == _RUNS
        self.state = _ENDED
        self.words = words[:_MAX_LEN]


def unpack(octets: bytes) -> Record | None:
    """None if it is no record, or not a whole one."""
    text = octets[len(_MAGIC) + _DIGEST_LEN :]
    if octets != _MAGIC + hashlib.sha256(text).digest()[:_DIGEST_LEN] + text:
        return None
    boots, bad, state, version, words = text.decode().split("\n", 4)
    return Record(version, int(boots), int(bad), int(state), words)


def start(version: str) -> str:
    """Before anything of the application runs: the module that runs in its place, "" for none.

    From here on the watchdog runs, for an application that hangs at its start.
    """
    is_safe_mode = begin(version)
    _arm()
    try:
        os.remove(_ALONE)
        return "update.alone"
    except OSError:  # nobody has asked for it
        return "safe_mode" if is_safe_mode else ""


def begin(version: str, memory: "Function | None" = None, cause: int | None = None) -> bool:
    """Counts a start; whether it is one in safe mode.

    memory  of the RTC, called with what is to be written, or with nothing
    """
    memory = memory or machine.RTC().memory
    if cause is None:
        cause = machine.reset_cause()
    octets = memory()
    record = unpack(octets)
    is_ours = not octets or record or cause == machine.PWRON_RESET
    if not record:
        # Power came, and that is all there is to tell.
        state = _ENDED if cause == machine.PWRON_RESET else _RUNS
        record = Record(version, 0, 0, state, "")
    record.begin(version, cause)
    firmware.record = record.pack()
    if is_ours and (octets or record.bad):
        memory(firmware.record)
    return record.is_safe_mode()


def load(memory: "Function") -> Record | None:
    """The record of the present run, None if an application has something in its place."""
    return unpack(memory() or firmware.record or b"")


def report(log: "Log", memory: "Function") -> Record:
    """What is known of the present start, which is told to the log."""
    if firmware.record is None:  # nobody has counted it
        begin("", memory)
    record: Anything = unpack(firmware.record or b"")
    if record.words:
        log.warning("Last time: %s", record.words)
    if record.is_safe_mode():
        log.error("safe mode: the application is left out, its starts went wrong")
    return record


def keep(memory: "Function", is_good: bool) -> bytes | None:
    """Keeps the record of the present run.

    is_good  it has served for a minute
    Returns the record that it has if it ends because memory is exhausted; None as `load`.
    """
    record = load(memory)
    if record is None:
        return None
    if is_good:
        record.serve()
    memory(record.pack())
    record.end("out of memory", True)
    return record.pack()


def end(words: str, is_bad: bool = True, memory: "Function | None" = None) -> None:
    """Keeps the last words of the present run."""
    memory = memory or machine.RTC().memory
    record = load(memory)
    if record:
        record.end(words, is_bad)
        memory(record.pack())


def fail(error: Exception, pause_ms: int = _PAUSE_MS) -> None:
    """An exception has reached the top of the program: keeps it, and restarts the board."""
    sys.print_exception(error)
    end(describe(error))
    print("main.py has failed: starting again in %d s; Ctrl-C for the prompt" % (pause_ms // 1000))
    for _ in range(pause_ms // _TURN_MS):
        machine.idle()
        sleep_ms(_TURN_MS)
    machine.reset()


def describe(error: BaseException) -> str:
    """An exception with its traceback, the innermost place first, in one line."""
    text = io.StringIO()
    sys.print_exception(error, text)  # type: ignore[arg-type]
    places = ""
    for line in text.getvalue().split("\n"):
        if line.startswith('  File "'):
            path, _, number = line[8:].partition('", line ')
            places = ", %s:%s" % (path, number.split(",")[0]) + places
    what = "%s: %s" % (type(error).__name__, error)
    return what.replace("\n", " ") + places


def _arm() -> None:
    """The watchdog, for a start that hangs; `Health` sets it again to what the settings say."""
    timeout_s = _MIN_TIMEOUT_S
    try:
        with open("config.json") as file:
            given_s = json.load(file)["watchdog"]["timeout_s"]
        if given_s == 0 and not firmware.is_on_trial:  # which is to end, whatever hangs
            timeout_s = 0
        else:
            timeout_s = int(min(max(_MIN_TIMEOUT_S, given_s), _MAX_TIMEOUT_S))
    except (OSError, ValueError, KeyError, TypeError):  # not there, or wrong: run() says so
        pass
    if timeout_s:
        machine.WDT(timeout=timeout_s * 1000)
        firmware.is_armed = True
