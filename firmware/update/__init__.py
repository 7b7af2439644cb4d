"""Updates over the network; loaded when somebody asks, dropped when nobody has for a minute.

    GET  /.httpd32/nonce      a nonce, the folder of the version that runs, and `alone` if the board
                              has started for an update alone
    POST /.httpd32/room       `ready`; `short` with too little memory beside the application
    POST /.httpd32/alone      the board starts for an update alone
    POST /.httpd32/leave      nothing more comes: a board that is alone starts again, unless it is
                              at work on another plan than that with the nonce in the body
    anything else             see `delivery`, which is loaded for who has proven the password

Each but the first proves that its sender knows the password, which never travels: `Authorization:
httpd32 NONCE DIGEST PROOF`, where DIGEST is the SHA-256 of the body, and PROOF the HMAC-SHA-256 of
nonce, path and digest, a line each.  A nonce is good for one POST; a file has that of its plan,
which has its SHA-256.
"""

import asyncio
import os
import sys
from time import ticks_diff, ticks_ms

import machine
import network
from micropython import const

from firmware.update.proof import Guard, Refused, check_body, check_host

ALONE = "/update.alone"  # while it is there, the next start is for an update alone
_SECRET_LEN = const(32)
_DELIVERY_LEN = const(24576)  # of the heap: what carries out an update, and what loading it leaves
_KEPT_MS = const(60000)  # without a proof, until all this is dropped
_ENOSPC = const(28)
_AUTHENTICATE = {"WWW-Authenticate": "httpd32"}


class Update:
    """Answers for the board.

    find_address  of the board, now
    load          a coroutine function: called with bytes of the heap, and with a function; what
                  that has loaded, or None if so much is not free
    is_alone      the board serves nothing else
    restart       of the board
    """

    is_update = True

    def __init__(
        self,
        log: "Log",
        password: str,
        find_address: "Function",
        load: "Function",
        is_alone: bool = False,
        restart: "Function" = machine.reset,
    ) -> None:
        self._log = log
        self._guard = Guard(password, os.urandom(_SECRET_LEN))
        self._find_address = find_address
        self._load = load
        self._is_alone = is_alone
        self._restart = restart
        self._delivery: Delivery | None = None
        self._task: Anything = None  # of the restart
        self.asked = ticks_ms()  # by somebody who knows the password

    async def answer(self, request: "Anything") -> tuple:
        """The response to a request, as Microdot's handlers return one: body, status, fields."""
        try:
            check_host(request.headers.get("host"), self._find_address(), network.hostname())
            command = request.path.split("/", 2)[2]
            if command == "nonce":
                return self._tell_nonce(), 200, {}
            return await self._obey(request, command), 200, {}
        except Refused as refused:
            status, why = refused.args
        except OSError as error:
            is_full = error.errno == _ENOSPC
            status, why = (507, "the flash is full") if is_full else (500, "OSError %s" % error)
        self._log.warning("update refused with %d: %s, %s", status, why, request.client_addr)
        # A 401 has to say how (RFC 9110, 15.5.2); any other may.
        return why + "\n", status, _AUTHENTICATE

    def is_needed(self, now: int) -> bool:
        """Whether an update is under way, or may follow what was asked in the last minute."""
        delivery = self._delivery
        if delivery and delivery.is_heard(now):
            return delivery.is_in_time(now)
        return bool(self._task) or ticks_diff(now, self.asked) < _KEPT_MS

    def close(self) -> None:
        if self._delivery:
            self._delivery.close()

    def _tell_nonce(self) -> str:
        nonce = self._guard.make_nonce(ticks_ms())
        return "%s %s%s\n" % (nonce, sys.path[0], " alone" if self._is_alone else "")

    async def _obey(self, request: "Anything", command: str) -> "Anything":
        """What a command answers, made while it is carried out."""
        given = request.headers.get("authorization")
        delivery = self._delivery
        known = delivery.nonce if delivery and request.method == "PUT" else None
        nonce, digest = self._guard.check(given, request.path, ticks_ms(), known)
        self.asked = ticks_ms()
        if request.method != "PUT" and command != "update":
            check_body(request.body, digest)
        if command == "leave":
            is_at_work = delivery and delivery.is_at_work(ticks_ms(), request.body.decode())
            if self._is_alone and not is_at_work:
                self._leave("no further update")
            return "left\n"
        if command == "alone":
            return self._make_room()
        if not delivery:
            made = await self._load(_DELIVERY_LEN, self._make_delivery)
            delivery = self._delivery = self._delivery or made
        if command == "room":
            return "ready\n" if delivery else "short\n"
        if not delivery:
            raise MemoryError("too little is free for an update")
        return await delivery.obey(request, command, nonce, digest)

    def _make_delivery(self) -> "Delivery":
        from firmware.update.delivery import Delivery

        return Delivery(self, self._log, self._guard, self._restart)

    def _make_room(self) -> str:
        self._leave("a restart to make room for an update")
        try:
            with open(ALONE, "w"):
                pass
        except OSError:
            self._task.cancel()
            self._task = None
            raise
        self._log.warning("update: too little is free beside the application: starting without it")
        return "restarting\n"

    def _leave(self, words: str) -> None:
        from firmware.update.restart import restart

        if not self._task:
            self._task = asyncio.create_task(restart(self._log, words, self._restart))
