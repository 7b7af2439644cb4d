"""Updates over the network; loaded when somebody asks, dropped when nobody has for a minute.

    GET  /.httpd32/nonce      a nonce, and the folder of the version that runs
    POST /.httpd32/inventory  what the board holds; the body names modules that may be frozen
    POST /.httpd32/manifest   of the version that runs
    POST /.httpd32/update     a plan, which is carried out up to what is to be sent
    PUT  /.httpd32/file/N     the file that line N of the plan wants to be sent
    POST /.httpd32/activate   checks the version, switches to it, and restarts

Each but the first proves that its sender knows the password, which never travels: `Authorization:
httpd32 NONCE DIGEST PROOF`, where DIGEST is the SHA-256 of the body, and PROOF the HMAC-SHA-256 of
nonce, path and digest, a line each.  A nonce is good for one POST; a file has that of its plan,
which has its SHA-256.  The switch is the rename of `/main.py.new`.
"""

import asyncio
import hashlib
import os
import sys
from binascii import hexlify
from time import ticks_add, ticks_diff, ticks_ms

import machine
import network
from microdot import Response
from micropython import const

import firmware
from firmware.update import flash
from firmware.update.proof import Guard, Refused, check_host

_PLAN = "/update.plan"
_NEW = ".new"
_OTHER_BODY = "the body is not what was announced"
_MAX_PLAN_LEN = const(16384)
_BLOCK_LEN = const(512)
_SECRET_LEN = const(32)
_KEPT_MS = const(60000)  # without a proof, until all this is dropped
_STALLED_MS = const(5000)  # an update of which nothing is heard may be followed by another
_MAX_MS = const(900000)  # for a whole update
_SPARE_BLOCKS = const(2)
_LAST_OF_BLOCK = const(4095)
_UNKNOWN = const(0x3FFFFFFF)
_ENOSPC = const(28)


class Update:
    """Answers for the board, whose `parts` are those of `app.py`.

    restart   of the board
    """

    is_update = True

    def __init__(self, parts: "Parts", restart: "Function" = machine.reset) -> None:
        self._parts = parts
        self._log = parts.log
        self._guard = Guard(parts.update_password, os.urandom(_SECRET_LEN))
        self._restart = restart
        self._asked = ticks_ms()
        # Of the plan that is being carried out.
        self._has_plan = self._is_receiving = False
        self._target: tuple | None = None
        self._nonce = ""
        self._room = _UNKNOWN  # bytes that its files may still take
        self._touched = self._began = self._asked

    async def answer(self, request: "Anything") -> "Response":
        """The response to a request."""
        command = request.path.split("/", 2)[2]
        try:
            address = self._parts.supervisor.link.address
            check_host(request.headers.get("Host"), address, network.hostname())
            if command == "nonce":
                return Response("%s %s\n" % (self._guard.make_nonce(ticks_ms()), sys.path[0]))
            if request.method == "PUT":
                return await self._take(request, command)
            return Response(await self._obey(request, command))
        except Refused as refused:
            status, why = refused.args
        except OSError as error:
            is_full = error.errno == _ENOSPC
            status, why = (507, "the flash is full") if is_full else (500, "OSError %s" % error)
        self._log.warning("update refused with %d: %s, %s", status, why, request.client_addr)
        # A 401 has to say how (RFC 9110, 15.5.2); any other may.
        return Response(why + "\n", status, {"WWW-Authenticate": "httpd32"})

    def is_needed(self, now: int) -> bool:
        """Whether an update is under way, or may follow what was asked in the last minute."""
        if self._has_plan and ticks_diff(now, self._touched) < _KEPT_MS:
            return ticks_diff(now, self._began) < _MAX_MS
        return ticks_diff(now, self._asked) < _KEPT_MS

    def close(self) -> None:
        if self._has_plan:
            self._end_plan()
            self._log.warning("update: given up")

    async def _obey(self, request: "Anything", command: str) -> "Anything":
        """What a command answers, made while it is carried out."""
        now = ticks_ms()
        given = request.headers.get("Authorization")
        nonce, digest = self._guard.check(given, request.path, now)
        self._asked = now
        if command == "update":
            await self._begin(request, nonce, digest)
            return self._prepare()
        if hexlify(hashlib.sha256(request.body).digest()).decode() != digest:
            raise Refused(400, _OTHER_BODY)
        if command == "inventory":
            from firmware.update.inventory import read_inventory

            firmware.drop("update.inventory")  # it is there until it has told all
            free = self._look_for_room()
            return self._tell(read_inventory(free, request.body.decode().split()))
        if command == "manifest":
            return flash.read(sys.path[0] + "/manifest")
        if command == "activate" and self._target:
            return self._switch(*self._target)
        raise Refused(404, "no such command, or nothing to activate")

    def _look_for_room(self) -> tuple:
        """What `os.statvfs` tells, which goes through the whole flash."""
        free = os.statvfs("/")
        self._room = free[0] * (free[3] - _SPARE_BLOCKS)
        return free

    def _tell(self, lines: "Pieces") -> "Pieces":
        """Lines whose making may take long: flash may be slow, and `/quick` goes before."""
        for line in lines:
            self._asked = ticks_ms()
            yield line

    async def _begin(self, request: "Anything", nonce: str, digest: str) -> None:
        """Takes a plan.  Its sender is trusted; where it writes to is checked all the same."""
        now = ticks_ms()
        is_heard = self._has_plan and ticks_diff(now, self._touched) < _STALLED_MS
        if is_heard or self._is_receiving:
            raise Refused(409, "another update is running")
        if request.content_length > _MAX_PLAN_LEN:
            raise Refused(413, "the plan is too large")
        self._touched = self._began = now
        self._has_plan = False
        self._target = None
        try:
            await self._receive(request, _PLAN, digest)
            self._target = _check_plan()
            self._has_plan = True
        finally:
            if not self._has_plan:
                flash.remove_file(_PLAN)
        self._nonce = nonce
        self._log.info("update: %s, %s", self._target and self._target[0], request.client_addr)

    def _prepare(self) -> "Pieces":
        has_removed = False
        try:
            for line in flash.read_lines(_PLAN):
                self._touched = ticks_ms()
                kind, _, rest = line.partition(" ")
                if kind == "remove":
                    has_removed = True
                    yield from flash.remove(rest)
                elif kind == "folder":
                    flash.make_folder(rest)
                elif kind == "copy":
                    yield from flash.copy(*rest.split("\t"))
                    yield "copied %s\n" % rest
        except OSError as error:
            yield self._failure(error)
            return
        if has_removed:
            self._look_for_room()
        if not self._target:
            self._end_plan()
        yield "complete\n"

    async def _take(self, request: "Anything", command: str) -> "Response":
        """Takes a file."""
        given = request.headers.get("Authorization")
        self._guard.check(given, request.path, ticks_ms(), self._nonce)
        if not self._has_plan or self._is_receiving:
            raise Refused(409, "no file is wanted now")
        kind, digest, path = self._find(command)
        taken_len = (request.content_length | _LAST_OF_BLOCK) + 1
        if taken_len > self._room:
            raise OSError(_ENOSPC, "no room for it")
        await self._receive(request, path, digest, kind == "seal")
        self._room -= taken_len
        return Response("taken\n")

    def _find(self, command: str) -> list:
        """The line of the plan that `file/N` is about, in its three parts."""
        number = command[5:]
        left = int(number) if command[:5] == "file/" and number.isdigit() else -1
        for line in flash.read_lines(_PLAN):
            if not left:
                parts = line.split(" ", 2)
                if parts[0] in ("send", "seal"):
                    return parts
                break
            left -= 1
        raise Refused(404, "no such file in the plan")

    async def _receive(
        self, request: "Anything", path: str, wanted: str, is_sealed: bool = False
    ) -> None:
        """The body of a request becomes a file, if it has the digest that was announced."""
        if "Transfer-Encoding" in request.headers:
            raise Refused(411, "no Content-Length")
        digest = hashlib.sha256()
        is_whole = False
        self._is_receiving = True
        try:
            with open(path + _NEW, "wb") as file:
                at = 0
                while at < request.content_length:
                    block = await request.stream.read(_BLOCK_LEN)
                    if is_sealed:
                        block = self._guard.unseal("%s\n%s" % (self._nonce, path), at, block)
                    at += len(block)
                    digest.update(block)
                    file.write(block)
                    self._touched = ticks_ms()
            if hexlify(digest.digest()).decode() != wanted:
                raise Refused(400, _OTHER_BODY)
            os.rename(path + _NEW, path)
            is_whole = True
        finally:
            self._is_receiving = False
            if not is_whole:
                self._touched = ticks_add(ticks_ms(), -_STALLED_MS)
                flash.remove_file(path + _NEW)

    def _switch(self, folder: str, wanted: str) -> "Pieces":
        from firmware.update.switch import finish, switch

        firmware.drop("update.switch")  # it is there until the restart
        try:
            for line in switch(folder, wanted):
                self._touched = ticks_ms()
                if line == "activated\n":
                    self._target = None
                    self._log.info("update: %s runs from now on", folder)
                    end = finish(_PLAN, self._log, self._restart)
                    self._task = asyncio.create_task(end)
                yield line
        except OSError as error:
            yield self._failure(error)

    def _failure(self, error: OSError) -> str:
        self._log.error("update: %s", error)
        return "failed %s\n" % ("507" if error.errno == _ENOSPC else error)

    def _end_plan(self) -> None:
        self._has_plan = False
        flash.remove_file(_PLAN)


def _check_plan() -> tuple | None:
    from firmware.update.plan import check_plan

    firmware.drop("update.plan")  # it is there until it has checked
    return check_plan(flash.read_lines(_PLAN), sys.path[0])
