"""The console log, in the form ESP-IDF's console has: "I (ms) tag: text"."""

import io
import re
import sys
import time

from micropython import const

_MAX_LINE_LEN = const(300)  # a client's long URI would hold up a slow console
_LOUD_LEN = const(120)
# Control characters of ASCII and C1, and what turns or breaks text (CVE-2021-42574), as UTF-8.
_UNSAFE = (
    b"[\x01-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|"
    b"\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf"
)
_SUSPECT = re.compile("[^ -~]")  # nearly always there is none
_NO_MEMORY = "E (0) httpd32: out of memory, even for a line of the log"
LEVELS = ("error", "warning", "info", "debug")


class Log:
    """Writes lines to the console.  It never raises: a lost console must not lose a request.

    The milliseconds are `time.ticks_ms()`: since boot on a board, where they start again at 0
    after twelve days.

    level  the least that is written; that of the configuration if none is given
    write  where the lines go
    loud   the last three errors and warnings, shortened
    """

    rank = 2  # of the configured level

    def __init__(self, level: str = "", tag: str = "httpd32", write: "Function" = print) -> None:
        if level:
            self.rank = LEVELS.index(level)
        self._tag = tag
        self.write = write
        self.loud: list[str] = []

    def error(self, text: str, *args: object) -> None:
        self._line(0, "E", text, args)

    def warning(self, text: str, *args: object) -> None:
        self._line(1, "W", text, args)

    def info(self, text: str, *args: object) -> None:
        if self.rank >= 2:  # asked here, too: it is called for each request
            self._line(2, "I", text, args)

    def debug(self, text: str, *args: object) -> None:
        self._line(3, "D", text, args)

    def is_debug(self) -> bool:
        return self.rank > 2

    def exception(self, text: str, error: BaseException) -> None:
        """`text` as an error, and the traceback of `error` behind it."""
        self.error(text)
        self.trace(error)

    def trace(self, error: BaseException) -> None:
        """The traceback of `error`; Microdot's are printed here, too."""
        try:
            file = io.StringIO()
            sys.print_exception(error, file)
            text = file.getvalue()
            message = str(error)
            if "\n" in message:  # it could pass for a line of the log
                text = text.replace(message, _clean(message))
            for line in text.strip().split("\n"):
                self.write(_clean(line[:_MAX_LINE_LEN]))
        except MemoryError:
            self.error("out of memory, even for a traceback")
        except Exception:
            pass

    def _line(self, rank: int, letter: str, text: str, args: tuple) -> None:
        if rank > self.rank:
            return
        try:
            try:
                if args:
                    text = _clean(text % args)
                line = "%s (%d) %s: %s" % (letter, time.ticks_ms(), self._tag, text)
                if len(line) > _MAX_LINE_LEN:
                    line = line[:_MAX_LINE_LEN] + "..."
            except MemoryError:
                line = _NO_MEMORY
            if rank < 2:
                self.loud = self.loud[-2:] + [line[:_LOUD_LEN]]
            self.write(line)
        except Exception:  # a tuple of those that occur would take memory
            pass


def _clean(text: str) -> str:
    """`text`, which may be a client's, with a question mark for each character that is unsafe."""
    if not _SUSPECT.search(text):
        return text
    return re.sub(_UNSAFE, b"?", text.encode()).replace(b"\0", b"?").decode()
