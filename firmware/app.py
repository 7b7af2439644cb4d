"""The program: it reads the configuration, has every part made by `startup`, and runs them."""

import asyncio
import sys

from micropython import const

import firmware

_CLOSE_S = 2
_GRACE_MS = const(2000)  # for the requests at work when the application shuts down
_EIO = const(5)


def run(
    app: "Microdot | None" = None,
    pool: "WorkerPool | None" = None,
    path: str = "config.json",
    on_connect: "Function | None" = None,
    on_disconnect: "Function | None" = None,
) -> int:
    """Serves `app`, a Microdot application, until Ctrl-C; without one, the demo.

    pool  the `WorkerPool` whose `long` decorates the app's long handlers; the one made last if
          none is given
    path  of the configuration
    on_connect     called with the board's address each time the link has come up and the server
                   has started
    on_disconnect  called each time the link was lost and the server has stopped
    A plain function returns soon.  An `async def` runs as a task until the next of the two is
    called.
    Returns the exit status: 0 after Ctrl-C or the application's `shutdown()`, 1 if the
    configuration is wrong, which one line on the console explains.  Raises MemoryError if memory is
    too short to start.  A server that has run and is out of memory restarts the board.
    """
    firmware.exit_status = 1
    sys.modules.pop("main", None)  # at the REPL, `import main` runs it again
    firmware.collect_often()
    try:
        parts = _make(path, app, pool, on_connect, on_disconnect)
    except MemoryError:
        print("out of memory: the application leaves too little of it for httpd32")
        raise
    if not parts:
        return 1
    if "firmware.index" in sys.modules:
        sys.modules["firmware.index"].end()
    parts.settle()
    firmware.exit_status = 0
    try:
        _serve(parts)
    finally:
        parts.health.put_off()
    return 0


def _serve(parts: "_Parts") -> None:
    """Runs the loop until Ctrl-C."""
    serve, begin = asyncio.run, asyncio.new_event_loop
    asyncio.run = asyncio.new_event_loop = _refuse_loop  # type: ignore[assignment]
    try:
        serve(parts.run())
        begin()
    except KeyboardInterrupt:
        # MicroPython has left the loop as it was, its tasks half-way: they end in order.
        try:
            serve(parts.close())
        except asyncio.TimeoutError:
            pass
        finally:
            begin()
    except (MemoryError, OSError) as error:
        # The loop itself has met it, and what takes it all is still there: a poll says EIO then.
        if isinstance(error, OSError) and error.errno != _EIO:
            raise
        print("out of memory: starting again")
        # Not a soft reset: Wi-Fi would keep what it has, and the heap would be smaller.
        parts.health.restart_exhausted()
        raise SystemExit(1)
    finally:
        asyncio.run, asyncio.new_event_loop = serve, begin


def _refuse_loop(*given: object) -> "Anything":
    """In the place of what brings MicroPython's loop, within it, to a crash or to a stop."""
    raise RuntimeError("a loop within the loop; await instead of asyncio.run()")


def _load(path: str) -> dict | None:
    """The settings, None if they are wrong."""
    from firmware import settings

    try:
        return settings.load(path)
    finally:
        settings = None  # type: ignore[assignment]
        firmware.drop("settings")


def _make(path: str, *given: "Anything") -> "_Parts | None":
    """What runs; None, after one line that says why, if it can't."""
    settings = _load(path)
    if not settings:
        return None
    from firmware import startup

    try:
        return startup.make(_Parts, settings, path, *given)
    finally:
        startup = None  # type: ignore[assignment]
        firmware.drop("startup")


class _Parts:
    """Everything that runs.

    health  what is known of the board itself
    own     what answers for them while somebody asks, and `leaving`, its task; else None
    trial   the task of a version that is on trial; else None
    own_len          bytes of the heap that it takes
    password         of the status, "" for none; None: there is no status
    update_password  "" for no updates over the network
    """

    _care: asyncio.Task | None = None
    trial: asyncio.Task | None = None
    leaving: asyncio.Task | None = None
    own: "Status | Update | None" = None
    own_len = 0

    def __init__(
        self,
        settings: dict,
        log: "Log",
        health: "Health",
        memory: "Memory",
        interface: "Interface",
        server: "Server",
        supervisor: "Supervisor",
    ) -> None:
        self._request_len = settings["server"]["request_len"]
        given = settings["status"]
        self.password = given["password"] if given["enabled"] else None
        self.update_password = settings["update"]["password"]
        self.log = log
        self.health = health
        self.memory = memory
        memory.radio.reconnect = interface.reconnect
        self._interface = interface
        self.server = server
        server.answer_own(self._answer_own, bool(self.update_password))
        self.supervisor = supervisor

    def settle(self) -> None:
        """Everything is loaded: decides what memory is for what."""
        self.memory.settle(self._request_len)

    async def run(self) -> None:
        asyncio.get_event_loop().set_exception_handler(self._on_lost_exception)
        self._care = asyncio.create_task(
            self.health.run(self.supervisor.link, self._interface, self.server)
        )
        if firmware.is_on_trial:
            from firmware.trial import watch

            self.trial = asyncio.create_task(watch(self))
        try:
            await self.supervisor.run()
            await self.server.stop(_GRACE_MS)
        finally:
            await self._close()

    async def close(self) -> None:
        """Ends everything; raises asyncio.TimeoutError if something does not end."""
        await asyncio.wait_for(self._close(), _CLOSE_S)

    def _answer_own(self, request: "Request") -> "Anything":
        """Loads what answers for the board itself, unless the configuration has it not."""
        if not self.update_password if request.path[1] == "." else self.password is None:
            return None
        from firmware.own import answer

        return answer(self, request)

    async def _close(self) -> None:
        self.supervisor.end()
        for task in (self._care, self.trial, self.leaving):
            if task:
                task.cancel()
        if self.own:
            self.own.close()
        await self.server.close()

    def _on_lost_exception(self, loop: object, context: dict) -> None:
        error = context.get("exception")
        self.log.error("lost exception: %s", context["message"])
        if error:
            self.log.trace(error)
