"""The composition root: it reads the configuration, makes every part, and runs them.

The one module that knows all the others, and that no other knows.
"""

import asyncio
import gc
import sys

import firmware
from firmware.link import Link
from firmware.log import Log
from firmware.routes import create_app
from firmware.server import Server
from firmware.supervisor import Supervisor
from firmware.workers import WorkerPool

_CLOSE_S = 2


def run(app=None, pool=None, path: str = "config.json") -> int:
    """Serves `app`, a Microdot application, until Ctrl-C; without one, the demo.

    pool  the `WorkerPool` whose `long` decorates the app's long handlers, if it has any
    path  of the configuration
    Returns the exit status: 0 after Ctrl-C, 1 if the configuration is wrong, which one line on the
    console explains.  It does not raise SystemExit: on a board that is a reset, and here a loop of
    them.
    """
    try:
        settings = _load(path)
    except ValueError as error:
        print("config.json:", error)
        return 1
    parts = _Parts(settings, app, pool or WorkerPool())
    try:
        asyncio.run(parts.run())
    except KeyboardInterrupt:
        # MicroPython has left the loop as it was, its tasks half-way: they end in order.
        try:
            asyncio.run(parts.close())
        except asyncio.TimeoutError:
            pass
    finally:
        asyncio.new_event_loop()
    return 0


def _load(path):
    """The settings.  What checks them is needed once, and leaves its 7 KB of a board's heap."""
    from firmware import config

    settings = config.load(path)
    config.check_interface(settings["network"])
    del config, firmware.config, sys.modules["firmware.config"]
    gc.collect()
    return settings


class _Parts:
    """Everything that runs, made from the settings."""

    def __init__(self, settings, app, pool):
        self._server_settings = settings["server"]
        self._log = Log(settings["log"]["level"])
        self._pool = pool
        if app is None:
            app = create_app(pool, self._log, **settings["demo"])
        self._server = Server(app, pool, self._log, self._server_settings)
        link = Link(_make_interface(settings["network"], self._log))
        self._supervisor = Supervisor(link, self._server, self._start_workers, self._log)

    async def run(self):
        asyncio.get_event_loop().set_exception_handler(self._on_lost_exception)
        try:
            await self._supervisor.run()
        finally:
            await self._close()

    async def close(self):
        """Ends everything; raises asyncio.TimeoutError if something does not end."""
        await asyncio.wait_for(self._close(), _CLOSE_S)

    async def _close(self):
        self._supervisor.end()
        await self._server.close()
        await self._pool.close()

    async def _start_workers(self):
        workers = self._server_settings["max_async_requests"]
        timeout_ms = self._server_settings["async_request_timeout_ms"]
        self._pool.start(workers, timeout_ms, self._log)
        await self._pool.wait_ready()

    def _on_lost_exception(self, loop, context):
        error = context.get("exception")
        self._log.error("lost exception: %s", context["message"])
        if error:
            sys.print_exception(error)


def _make_interface(network, log):
    from firmware.wifi import WiFi  # a board without Wi-Fi never loads it

    return WiFi(
        network["wifi"], network["hostname"], network["country"], network["power_save"], log
    )
