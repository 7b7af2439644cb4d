"""A start for an update alone: beside the application there is too little memory for it.

`Update` has left a file for it.  Everybody else gets 503 meanwhile.  The board starts again when
the update is complete, or when none has come for a minute.
"""

import asyncio
import sys
from time import ticks_add, ticks_diff, ticks_ms

import machine
from micropython import const

import firmware
from firmware.log import Log
from firmware.update import Update
from firmware.update.client import Client
from firmware.update.restart import restart

_STEP_MS = const(50)
_LATE_MS = const(1000)
_RETRY_MS = const(500)
_JOIN_MS = const(180000)  # for the network, before a minute without an update counts
_BACKLOG = const(4)
_MAX_CLIENTS = const(4)
_MIN_TIMEOUT_S = const(60)  # of the watchdog
_MAX_TIMEOUT_S = const(3600)
_TEXT = "An update is under way: again in a minute.\n"
_FIELDS = {"Retry-After": "60"}
_UPDATES = "/.httpd32/"


def run() -> None:
    """Serves updates until the board restarts, or until Ctrl-C."""
    firmware.exit_status = 0
    from firmware import settings

    found = settings.load("config.json")
    firmware.drop("settings")
    if not found or not found["update"]["password"]:  # not those that the application runs with
        machine.reset()
    log = Log(found["log"]["level"])
    log.warning("update: the application is left out for it")
    from firmware import startup

    interface = startup.make_interface(found["network"], log)
    firmware.drop("startup")
    if "firmware.index" in sys.modules:
        sys.modules["firmware.index"].end()
    alone = Alone(log, interface, found["update"]["password"], found["server"]["port"])
    if firmware.is_armed:
        timeout_s = min(max(_MIN_TIMEOUT_S, found["watchdog"]["timeout_s"]), _MAX_TIMEOUT_S)
        alone.chip = machine.WDT(timeout=int(timeout_s * 1000))
    try:
        asyncio.run(alone.run())
    except KeyboardInterrupt:
        pass
    finally:
        asyncio.new_event_loop()  # its tasks would wait in the next one


class Alone:
    """Serves updates on `port`, at the address that `interface` has.

    reset  of the board
    chip   the watchdog that is to be fed; or None
    """

    chip: "Anything" = None

    def __init__(
        self,
        log: "Log",
        interface: "Interface",
        password: str,
        port: int,
        reset: "Function" = machine.reset,
    ) -> None:
        self._log = log
        self._interface = interface
        self._port = port
        self._reset = reset
        self._address: str | None = None
        self._server: Anything = None  # the listener, as long as there is an address
        self._clients: list[Client] = []
        self._update = Update(log, password, lambda: self._address, _load, True, reset)

    async def run(self) -> None:
        """Until it restarts the board."""
        due = began = ticks_ms()
        while True:
            now = ticks_ms()
            # A loop that stood still, as flash may make it, is nobody's silence.
            if ticks_diff(now, due) < _LATE_MS:
                if not self._server and ticks_diff(now, began) < _JOIN_MS:
                    self._update.asked = now  # nobody can ask yet
                if not self._update.is_needed(now):
                    break
                self._end_silent(now)
            if self.chip:
                self.chip.feed()
            due = ticks_add(now, _STEP_MS)
            try:
                await self._follow(self._interface.poll(now))
            except Exception as error:  # a driver's; the next may do better
                self._log.exception("link failed", error)
                await asyncio.sleep_ms(_RETRY_MS)
            await asyncio.sleep_ms(_STEP_MS)
        await restart(self._log, "no further update", self._reset)

    def _end_silent(self, now: int) -> None:
        for client in self._clients:
            if client.is_silent(now):
                client.task.cancel()

    async def _follow(self, address: str | None) -> None:
        """Listens as long as there is an address."""
        if address != self._address:
            self._address = address
            if self._server:
                self._server.close()
                self._server = None
        if address and not self._server:
            self._server = await asyncio.start_server(
                self._serve, address, self._port, backlog=_BACKLOG
            )
            self._log.info("IPv4 address: %s,", address)

    async def _serve(self, reader: "Anything", writer: "Anything") -> None:
        """The task of a client.  Of too many, the oldest leaves that is not being answered."""
        client = Client(reader, writer)
        waiting = [each for each in self._clients if not each.is_served]
        is_full = len(self._clients) >= _MAX_CLIENTS
        self._clients.append(client)
        try:
            if is_full and waiting:
                waiting[0].task.cancel()
            if waiting or not is_full:
                await client.serve(self._answer)
        except (asyncio.CancelledError, EOFError, OSError, ValueError, MemoryError):
            pass  # it has gone, or goes
        finally:
            self._clients.remove(client)
            await client.close()

    async def _answer(self, client: "Client") -> tuple:
        try:
            if client.path.startswith(_UPDATES):
                return await self._update.answer(client)
        except MemoryError:
            pass
        except Exception as error:
            self._log.exception("request failed", error)
            return "", 500, {}
        return _TEXT, 503, _FIELDS


async def _load(length: int, make: "Function") -> "Anything":
    """What `make` loads: there is memory for it."""
    return make()
