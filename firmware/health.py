"""The care for a board that nobody watches: does it serve, does it hear, what time is it.

`Health` runs once a second, and does what `vigil` decides.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from machine import RTC, WDT, reset
from micropython import const

import firmware
from firmware.link import UP
from firmware.vigil import ASK, FEED, RECONNECT, RESTART, Ears, Watchdog

_STEP_MS = const(1000)
_FAR_OFF_MS = const(2000000000)  # 23 days, of the 24 that a watchdog can count
_GOOD_MS = const(60000)  # of service make a start a good one
_DAY_MS = const(86400000)
_FAILING_S = const(150)  # twice that of the network's driver, and the board restarts; after each
_MAX_DOUBLED = const(5)  # start since power came the double, up to 80 minutes
_RETRY_MS = const(300000)  # until a clock that could not be set is tried again


class Health:
    """One for the whole board.

    last_words    how the last run ended, "" if there is nothing to tell
    boots         starts since power came
    is_safe_mode  the application was left out, because its starts went wrong
    has_connected  the board has made a connection to itself

    timeout_s  of the watchdog, 0 for none
    ntp_host   that is asked for the time, "" for none
    memory     of the RTC, called with what is to be written, or with nothing
    """

    def __init__(
        self,
        log: "Log",
        timeout_s: int,
        ntp_host: str,
        memory: "Function | None" = None,
        make_watchdog: "Function" = WDT,
        restart: "Function" = reset,
    ) -> None:
        self._log = log
        self._timeout_ms = timeout_s * 1000
        self._ntp_host = ntp_host
        if not ntp_host:  # then the application sets it, from a chip with a battery
            firmware.is_clock_set = True
        self._memory = memory or RTC().memory
        self._make_watchdog = make_watchdog
        self._restart = restart
        self._chip: Anything = None  # the watchdog of the chip
        self._watchdog = Watchdog(self._timeout_ms)
        self._ears = Ears()
        self.has_connected = False
        self._failing_s = 0  # that the network's driver has failed
        self._good_ms = 0  # of service, until it is enough
        self._clock_due: int = ticks_ms()  # as soon as the link is up
        self._exhausted: bytes | None = None  # the record of a run that ends without memory
        from firmware import last_words

        record = last_words.report(log, self._memory)
        self.last_words = record.words
        self.boots = record.boots
        self.is_safe_mode = record.is_safe_mode()
        self._write(False)

    def _write(self, is_good: bool) -> None:
        from firmware import last_words

        self._exhausted = last_words.keep(self._memory, is_good)
        firmware.drop("last_words")

    def end_exhausted(self) -> None:
        """The run ends because memory is exhausted: what the log keeps makes way for its record."""
        self._log.loud.clear()
        gc.collect()
        try:
            if self._exhausted and self._memory()[:8] == self._exhausted[:8]:
                self._memory(self._exhausted)
        except MemoryError:
            pass

    def restart_exhausted(self) -> None:
        self.end_exhausted()
        self._restart()

    def put_off(self) -> None:
        """Nobody serves any more, as at the prompt: a watchdog can't be stopped, but put off."""
        if firmware.is_armed:
            self._make_watchdog(timeout=_FAR_OFF_MS)
            self._chip = None
            firmware.is_armed = False

    async def run(self, link: "Link", interface: "Interface", server: "Server") -> None:
        """The task: until it is cancelled."""
        if self._timeout_ms:
            self._chip = self._make_watchdog(timeout=self._timeout_ms)
            firmware.is_armed = True
        else:
            self.put_off()  # the one of the start
        while True:
            try:
                await self.step(ticks_ms(), link, interface, server)
            except Exception as error:
                self._log.exception("health failed", error)
            await asyncio.sleep_ms(_STEP_MS)

    async def step(self, now: int, link: "Link", interface: "Interface", server: "Server") -> None:
        """Looks once, and does what follows."""
        is_up = link.state == UP
        is_listening = server.is_running()
        answered = server.count_answered()
        server.workers.expire(now)  # the reaper does, once the link was up
        if self._chip:
            decision = self._watchdog.decide(now, is_up, is_listening, answered)
            timeout_s = self._timeout_ms / 4000
            if decision == ASK and await _probe(self, link.address, server, timeout_s):
                self._watchdog.prove(now)
                decision = FEED
            if decision == FEED:
                self._chip.feed()
        if self._ears.decide(now, is_up, answered) == ASK:
            await self._listen(now, interface)
        if is_listening and self._good_ms < _GOOD_MS:
            self._good_ms += _STEP_MS
            if self._good_ms >= _GOOD_MS:
                self._write(True)
        self._failing_s = 0 if is_up or not interface.has_failed() else self._failing_s + 1
        if self._failing_s >= _FAILING_S << min(self.boots, _MAX_DOUBLED):
            self._restart_for("the network's driver does not start")
        await self._keep_clock(now, is_up)

    async def _keep_clock(self, now: int, is_up: bool) -> None:
        if not is_up:
            self._clock_due = now
        elif self._ntp_host and ticks_diff(now, self._clock_due) >= 0:
            self._clock_due = ticks_add(now, _RETRY_MS)
            if await _set_clock(self._ntp_host, self._log):
                self._clock_due = ticks_add(now, _DAY_MS)
                firmware.is_clock_set = True

    async def _listen(self, now: int, interface: "Interface") -> None:
        decision = self._ears.note(now, await _ping(interface.gateway()))
        if decision == RECONNECT:
            self._log.warning("the gateway does not answer any more: connecting anew")
            interface.stop()
        elif decision == RESTART:
            self._restart_for("the gateway does not answer any more")

    def _restart_for(self, reason: str) -> None:
        self._log.error("%s: restarting", reason)
        from firmware import last_words

        last_words.end(reason, False, self._memory)
        self._restart()


async def _probe(health: Health, address: "Anything", server: "Server", timeout_s: float) -> bool:
    from firmware import probe

    try:
        has_clients = server.count_open() > 0
        return await probe.probe(health, address, server.port, timeout_s, has_clients)
    finally:
        firmware.drop("probe")


async def _ping(address: str | None) -> bool | None:
    if not address:
        return None
    from firmware import ping

    try:
        return await ping.ping(address)
    finally:
        firmware.drop("ping")


async def _set_clock(host: str, log: "Log") -> bool:
    from firmware import sntp

    try:
        return await sntp.set_clock(host, log)
    finally:
        firmware.drop("sntp")
