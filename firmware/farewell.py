"""What a client is told that gets no response of the application: a short error, its last word.

It is refused, or turned away for want of room, or cut.
"""

import time
from time import ticks_ms

import firmware
from firmware.encode import encode_date, encode_error
from firmware.linger import linger
from firmware.refusal import note_refusal, status_of
from firmware.slots import NEW, NOT_CUT, PURGED


class Farewell:
    """One for the whole server.

    refuse_head  words the refusal of a head as the application does, see `Refusals`
    radio        the `Radio`: whether a client can be told
    """

    def __init__(self, refuse_head: "Function", radio: "Radio", log: "Log") -> None:
        self._refuse_head = refuse_head
        self._radio = radio
        self._log = log

    async def refuse(self, wire: "Wire", method: str | None, error: Exception) -> bool:
        """Answers an error of the client, or of ours, if no response has begun; whether it has.

        method  of the request, None while its head is not there
        """
        status = status_of(error, NOT_CUT)
        if status == 500:
            self._log.exception("request failed", error)
        slot = wire.slot
        if not slot.is_answerable() or (status == 503 and not self._can_tell(wire)):
            return False
        note_refusal(self._log, wire, status, error)
        if isinstance(error, MemoryError):
            self._log.error("out of memory: %s", error)
        elif not method and await self._refuse_head(wire, status):
            return True
        slot.count(status)
        await wire.send_short(encode_error(status, date(), method != "HEAD"))
        return True

    async def turn_away(self, wire: "Wire") -> None:
        """503, as soon as a request is there."""
        block = self._can_tell(wire) and await wire.receive()
        if block:
            wire.is_read = False
            note_refusal(self._log, wire, 503)
            wire.slot.count(503)
            await wire.send_short(encode_error(503, date(), not block.startswith(b"HEAD ")))
            await linger(wire)

    def say_last_word(
        self, wire: "Wire", method: str | None, error: BaseException, is_spare: bool
    ) -> None:
        """What a client that is cut is still told, if it goes out at once.

        is_spare  it was being turned away
        """
        slot = wire.slot
        is_early = slot.reason == PURGED and slot.is_awaited(ticks_ms())
        if is_early or (slot.state == NEW and is_spare):
            status = 503
        elif slot.is_answerable() and (slot.has_request() or isinstance(error, MemoryError)):
            status = status_of(error, slot.reason)
        else:
            return
        try:
            if status:
                note_refusal(self._log, wire, status, error)
                slot.count(status)
                wire.send_now(encode_error(status, date(), method != "HEAD"))
        except (OSError, MemoryError):
            pass

    def _can_tell(self, wire: "Wire") -> bool:
        """Whether a client can be told that there is no room; else it is closed without a word."""
        if self._radio.can_hear():
            return True
        self._log.info("closed, since the radio has no memory: %s", wire.address)
        return False


def date() -> bytes:
    """The field `Date` of what has no other way to it (RFC 9110, 6.6.1)."""
    return encode_date(time.gmtime()) if firmware.is_clock_set else b""
