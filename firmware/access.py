"""A line of the log for each request; loaded at the level `debug` only."""

from time import ticks_diff, ticks_ms


class AccessLog:
    """Stands in the place of an `Exchange`."""

    def __init__(self, exchange: "Exchange", log: "Log") -> None:
        self._exchange = exchange
        self._log = log

    async def begin(self, wire: "Wire", head: "Head") -> bool:
        """Method, path, status (0: no response has begun), bytes sent, duration and client."""
        slot = wire.slot
        start = ticks_ms()
        wire.sent = slot.status = 0
        try:
            sent = await self._exchange.begin(wire, head)
            return sent if isinstance(sent, bool) else await sent
        finally:
            self._log.debug(
                "%s %s: %d, %d bytes, %d ms, %s",
                head.method,
                head.target.partition("?")[0],
                slot.status,
                wire.sent,
                ticks_diff(ticks_ms(), start),
                wire.address,
            )
