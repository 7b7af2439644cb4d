"""Carries out an update; loaded for who has proven the password, if there is room for it.

    POST /.httpd32/inventory  what the board holds; the body names modules that may be frozen
    POST /.httpd32/manifest   of the version that runs
    POST /.httpd32/update     a plan, which is carried out up to what is to be sent
    PUT  /.httpd32/file/N     the file that line N of the plan wants to be sent
    POST /.httpd32/activate   checks the version, switches to it, and restarts

The switch is the rename of `/main.py.new`.
"""

import asyncio
import hashlib
import os
import sys
from binascii import hexlify
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

import firmware
from firmware.update import flash
from firmware.update.proof import OTHER_BODY, Refused

_PLAN = "/update.plan"
_NEW = ".new"
_MAX_PLAN_LEN = const(16384)
_BLOCK_LEN = const(512)
_KEPT_MS = const(60000)  # of an update of which nothing is heard, until it is given up
_STALLED_MS = const(5000)  # one of which nothing is heard may be followed by another
_MAX_MS = const(900000)  # for a whole update
_SPARE_BLOCKS = const(2)
_LAST_OF_BLOCK = const(4095)
_UNKNOWN = const(0x3FFFFFFF)
_ENOSPC = const(28)


class Delivery:
    """Obeys those who have proven the password to `update`, an `Update`.

    guard    opens what is sealed
    restart  of the board
    nonce    of the plan, which is good for its files, too
    """

    def __init__(self, update: "Update", log: "Log", guard: "Guard", restart: "Function") -> None:
        self._update = update
        self._log = log
        self._guard = guard
        self._restart = restart
        self._task: asyncio.Task | None = None  # what comes after the switch
        # Of the plan that is being carried out.
        self._has_plan = self._is_receiving = False
        self._target: tuple | None = None
        self.nonce = ""
        self._room = _UNKNOWN  # bytes that its files may still take
        self._touched = self._began = ticks_ms()

    async def obey(self, request: "Anything", command: str, nonce: str, digest: str) -> "Anything":
        """What a command answers, made while it is carried out."""
        if request.method == "PUT":
            return await self._take(request, command)
        if command == "update":
            await self._begin(request, nonce, digest)
            return self._prepare()
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

    def is_heard(self, now: int) -> bool:
        """Whether an update is under way."""
        is_heard = self._has_plan and ticks_diff(now, self._touched) < _KEPT_MS
        return is_heard or bool(self._task)

    def is_at_work(self, now: int, nonce: str | None = None) -> bool:
        """Whether it obeys somebody else than who has sent the plan with this nonce."""
        is_heard = self._has_plan and ticks_diff(now, self._touched) < _STALLED_MS
        is_at_work = is_heard or self._is_receiving or bool(self._task)
        return is_at_work and not (nonce and nonce == self.nonce)

    def is_in_time(self, now: int) -> bool:
        """Whether it has not lasted for too long."""
        return ticks_diff(now, self._began) < _MAX_MS

    def close(self) -> None:
        if self._has_plan:
            self._end_plan()
            self._log.warning("update: given up")

    def _look_for_room(self) -> tuple:
        """What `os.statvfs` tells, which goes through the whole flash."""
        free = os.statvfs("/")
        self._room = free[0] * (free[3] - _SPARE_BLOCKS)
        return free

    def _tell(self, lines: "Pieces") -> "Pieces":
        """Lines whose making may take long: flash may be slow, and `/quick` goes before."""
        for line in lines:
            self._update.asked = ticks_ms()
            yield line

    async def _begin(self, request: "Anything", nonce: str, digest: str) -> None:
        """Takes a plan.  Its sender is trusted; where it writes to is checked all the same."""
        now = ticks_ms()
        if self.is_at_work(now):
            raise Refused(409, "another update is running")
        if request.content_length > _MAX_PLAN_LEN:
            raise Refused(413, "the plan is too large")
        self._touched = self._began = now
        self._has_plan = False
        self._target = None
        self.nonce = nonce
        try:
            await self._receive(request, _PLAN, digest)
            self._target = _check_plan()
            self._has_plan = True
        finally:
            if not self._has_plan:
                flash.remove_file(_PLAN)
        self._log.info("update: %s, %s", self._target and self._target[0], request.client_addr)

    def _touch(self, pieces: "Pieces") -> "Pieces":
        """What may take long, and is no silence."""
        for piece in pieces:
            self._touched = ticks_ms()
            yield piece

    def _prepare(self) -> "Pieces":
        has_removed = False
        try:
            for line in flash.read_lines(_PLAN):
                self._touched = ticks_ms()
                kind, _, rest = line.partition(" ")
                if kind == "remove":
                    has_removed = True
                    yield from self._touch(flash.remove(rest))
                elif kind == "folder":
                    flash.make_folder(rest)
                elif kind == "copy":
                    yield from self._touch(flash.copy(*rest.split("\t")))
                    yield "copied %s\n" % rest
        except OSError as error:
            yield self._failure(error)
            return
        if has_removed:
            self._look_for_room()
        if not self._target:
            self._end_plan()
        yield "complete\n"

    async def _take(self, request: "Anything", command: str) -> str:
        """Takes a file."""
        if not self._has_plan or self._is_receiving:
            raise Refused(409, "no file is wanted now")
        kind, digest, path = self._find(command)
        taken_len = (request.content_length | _LAST_OF_BLOCK) + 1
        if taken_len > self._room:
            raise OSError(_ENOSPC, "no room for it")
        await self._receive(request, path, digest, kind == "seal")
        self._room -= taken_len
        return "taken\n"

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
        if "transfer-encoding" in request.headers:
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
                        block = self._guard.unseal("%s\n%s" % (self.nonce, path), at, block)
                    at += len(block)
                    digest.update(block)
                    file.write(block)
                    self._touched = ticks_ms()
            if hexlify(digest.digest()).decode() != wanted:
                raise Refused(400, OTHER_BODY)
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
            for line in self._touch(switch(folder, wanted)):
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
