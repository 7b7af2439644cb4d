"""The last lines of the log, for who asks `status` for them; loaded with the first question."""

from micropython import const

_LOG_LEN = const(2048)
_PIECE_LEN = const(512)


class KeptLog:
    """The last lines of the log, in a buffer that is overwritten from its beginning again.

    end  the bytes that were ever kept: where the next line begins
    """

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._write = log.write
        self._octets = bytearray(_LOG_LEN)
        self.end = 0
        for line in log.loud:
            self._keep(line)
        self._keep("(from here on each line; before, only the last errors and warnings)")
        log.write = self.write

    def stop(self) -> None:
        self._log.write = self._write

    def write(self, line: str) -> None:
        try:
            self._write(line)
        finally:
            self._keep(line)

    def read(self, after: int, end: int) -> "Pieces":
        """What was kept behind the first `after` bytes, or all there is, up to `end`."""
        at = max(0, self.end - _LOG_LEN)
        if at <= after <= end:
            at = after
        elif at:
            while at < end and self._octets[at % _LOG_LEN] != 10:  # the rest of a line
                at += 1
            at += 1
        yield b""  # Microdot takes an iterator without a first piece for one that fails
        while at < end:
            at = max(at, self.end - _LOG_LEN)  # more may have come meanwhile
            start = at % _LOG_LEN
            length = min(_PIECE_LEN, _LOG_LEN - start, end - at)
            yield bytes(self._octets[start : start + length])
            at += length

    def _keep(self, line: str) -> None:
        octets = line.encode() + b"\n"
        start = self.end % _LOG_LEN
        length = min(len(octets), _LOG_LEN - start)
        self._octets[start : start + length] = octets[:length]
        rest = octets[length:]
        self._octets[: len(rest)] = rest
        self.end += len(octets)
