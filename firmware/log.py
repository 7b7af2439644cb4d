"""The console log, in the form ESP-IDF's console has: "I (ms) tag: text"."""

import sys
import time

from micropython import const

_MAX_LINE_LEN = const(300)  # a client's long URI would hold up a slow console
_NO_MEMORY = "E (0) httpd32: out of memory, even for a line of the log"
LEVELS = ("error", "warning", "info", "debug")


class Log:
    """Writes lines to the console.  It never raises: a lost console must not lose a request.

    The milliseconds are `time.ticks_ms()`: since boot on a board, where they start again at 0
    after twelve days.
    """

    def __init__(
        self, level: str = "info", tag: str = "httpd32", write: "Function" = print
    ) -> None:
        self._rank = LEVELS.index(level)
        self._tag = tag
        self._write = write

    def error(self, text: str, *args: object) -> None:
        self._line(0, "E", text, args)

    def warning(self, text: str, *args: object) -> None:
        self._line(1, "W", text, args)

    def info(self, text: str, *args: object) -> None:
        if self._rank >= 2:  # asked here, too: it is called for each request
            self._line(2, "I", text, args)

    def debug(self, text: str, *args: object) -> None:
        self._line(3, "D", text, args)

    def exception(self, text: str, error: Exception) -> None:
        """`text` as an error, and the traceback of `error` behind it."""
        self.error(text)
        try:
            sys.print_exception(error)
        except (OSError, MemoryError):
            pass

    def _line(self, rank: int, letter: str, text: str, args: tuple) -> None:
        if rank > self._rank:
            return
        try:
            try:
                if args:
                    text = text % args
                line = "%s (%d) %s: %s" % (letter, time.ticks_ms(), self._tag, text)
                if len(line) > _MAX_LINE_LEN:
                    line = line[:_MAX_LINE_LEN] + "..."
            except MemoryError:
                line = _NO_MEMORY
            self._write(line)
        except (OSError, UnicodeError, MemoryError):
            pass
