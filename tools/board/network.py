"""A board over the network: what firmware/update answers.

The password proves who asks and never travels.
"""

import getpass
import hashlib
import hmac
import http.client
import math
import os
import re
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

from tools import target
from tools.terminal import CommandError

HELP = "host or host:port of a board with update.password, instead of a port"
VARIABLE = "UPDATE_PASSWORD"
_PATH = "/.httpd32/"
_NONCE = re.compile(rb"([0-9a-f]{32}) (\S*)( alone)?\n")
_TIMEOUT_S = 90.0  # a board with a slow flash looks long for how full it is
_CONNECT_TIMEOUT_S = 30.0
_START_TIMEOUT_S = 3.0
_BUSY_S = 20.0  # for another update to end, or for one that was cut to be given up
_ROOM_S = 90.0  # for a board to start without its application
_AGAIN_S = 1.0
_SURE_S = 5.0
_PIECE_LEN = 1024
_SEAL_LEN = 32
_CABLE = "make deploy PORT= over the cable"


def find_password(settings: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> str:
    """From the variable, else from the settings, else asked for."""
    password = environment.get(VARIABLE) or settings.get("update", {}).get("password", "")
    if not password and sys.stdin.isatty():
        with suppress(EOFError):  # Ctrl-D
            password = getpass.getpass("The board's update.password, not shown: ")
    if not password:
        raise CommandError(f"update.password is not set in config.json; give {VARIABLE}=")
    try:
        password.encode()
    except UnicodeError:
        raise CommandError(f"{VARIABLE}= is not UTF-8, as the board's update.password is")
    return password


def open_board(options: Namespace, settings: Mapping[str, Any]) -> "NetworkBoard":
    """The one that the options of a command name."""
    if getattr(options, "port", ""):
        raise CommandError("PORT= or HOST=, not both")
    return NetworkBoard(options.host, find_password(settings))


def prove(password: str, nonce: str, path: str, digest: str) -> str:
    message = f"{nonce}\n{path}\n{digest}\n".encode()
    return hmac.new(password.encode(), message, "sha256").hexdigest()


def seal(password: str, nonce: str, path: str, content: bytes) -> bytes:
    """`content` under a key stream for this file and this nonce alone: it has passwords in it."""
    stream = b"".join(
        hmac.digest(password.encode(), f"seal\n{nonce}\n{path}\n{at}".encode(), "sha256")
        for at in range(0, len(content), _SEAL_LEN)
    )
    return bytes(one ^ other for one, other in zip(content, stream, strict=False))


class Busy(CommandError):
    """The board is busy for the moment: it answers with 503."""


class Unanswered(CommandError):
    """The board was given an order, and has not answered: it may have obeyed all the same."""


class NetworkBoard:
    """The board at `host`, which may have a port behind a colon.

    nonce     the last one that was used
    running   the folder of the version that ran then
    is_alone  it has started for an update alone, without its application
    Whatever fails is a CommandError, in one line.
    """

    def __init__(self, host: str, password: str = "") -> None:
        self.host = host
        self.name, self.port = target.parse(host)
        self.nonce = ""
        self.running = ""
        self.is_alone = False
        self._is_mine = False  # it is alone because it was asked to from here
        self._plan_nonce = ""  # that of the plan that was sent
        self._password = password
        self._address = ""
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "NetworkBoard":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(CommandError):  # then it starts again in a minute
            self.leave()
        self.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def read_running(self, timeout_s: float = _TIMEOUT_S) -> str:
        """The folder of the version that runs, "" if the board takes no updates.

        A nonce comes with it.
        """
        status, text = self._read_nonce(timeout_s)
        if status == http.HTTPStatus.MISDIRECTED_REQUEST:
            raise CommandError(
                f"{self.host}: the board has another address; no proxy may be between"
            )
        found = _NONCE.fullmatch(text)
        if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise Busy(
                f"{self.host} is busy, or has too little memory free for an update; close its "
                f"other clients and try again, or {_CABLE}"
            )
        if status != http.HTTPStatus.OK or not found:
            return ""
        self.nonce = found[1].decode()
        self.is_alone = bool(found[3])
        self.running = found[2].decode()
        return self.running

    def has_room(self) -> bool:
        """Whether there is memory for an update beside the application."""
        status, lines = self._try("room")
        if status == http.HTTPStatus.NOT_FOUND:
            return True  # an older version takes the memory when it needs it
        if status != http.HTTPStatus.OK:
            raise self._refusal(status, lines)
        return lines == ["ready"]

    def make_room(self, on_turn: Callable[[], object]) -> None:
        """The board starts without its application."""
        self._is_mine = True
        with suppress(Unanswered):  # its answer may be lost in the restart
            status, lines = self._ask("alone", b"", timeout_s=_START_TIMEOUT_S)
            if status != http.HTTPStatus.OK:
                raise self._refusal(status, lines)
        self.close()
        self._wait_alone(on_turn)

    def _wait_alone(self, on_turn: Callable[[], object]) -> None:
        has_restarted = False
        end = time.monotonic() + _ROOM_S
        while time.monotonic() < end:
            on_turn()
            time.sleep(_AGAIN_S)
            try:
                self.read_running(_START_TIMEOUT_S)
            except Busy:
                continue
            except CommandError:
                self._address = ""  # it may be given another
                has_restarted = True
                continue
            if self.is_alone:
                return
            if has_restarted:  # unless it was merely slow
                has_restarted = False
                end = min(end, time.monotonic() + _SURE_S)
        raise CommandError(
            f"{self.host} has not started for an update alone; make monitor says why, {_CABLE} "
            "does without"
        )

    def leave(self) -> None:
        """A board that has started for an update alone starts again, with its application."""
        if self.is_alone and (self._is_mine or self._plan_nonce):
            try:
                self._ask("leave", self._plan_nonce.encode(), timeout_s=_START_TIMEOUT_S)
            finally:
                self.is_alone = False

    def ask(
        self, command: str, body: bytes = b"", on_line: Callable[[str], object] = lambda _: None
    ) -> list[str]:
        """The lines that the board answers with; each is given to `on_line` when it comes."""
        status, lines = self._try(command, body, on_line)
        if status != http.HTTPStatus.OK:
            raise self._refusal(status, lines)
        return lines

    def _try(
        self, command: str, body: bytes = b"", on_line: Callable[[str], object] = lambda _: None
    ) -> tuple[int, list[str]]:
        """The status and the lines of the answer; of a board that is busy, when it is no more."""
        end = time.monotonic() + _BUSY_S
        while True:
            try:
                status, lines = self._ask(command, body, on_line)
                if status != http.HTTPStatus.CONFLICT or time.monotonic() > end:
                    return status, lines
            except Busy:
                self.close()
                if time.monotonic() > end:
                    raise
            time.sleep(_AGAIN_S)

    def put(
        self, number: int, content: bytes, on_progress: Callable[[int], object] = lambda _: None
    ) -> None:
        """Sends the file of line `number` of the plan that came last; tells how much is gone."""

        def pieces() -> Any:
            for at in range(0, len(content), _PIECE_LEN):
                yield content[at : at + _PIECE_LEN]
                on_progress(min(at + _PIECE_LEN, len(content)))

        try:
            headers = self._prove(f"file/{number}", content)
            headers["Content-Length"] = str(len(content))
            status, lines = self._request("PUT", f"file/{number}", pieces(), headers)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error)
        if status != http.HTTPStatus.OK:
            raise self._refusal(status, lines)

    def seal(self, nonce: str, path: str, content: bytes) -> bytes:
        return seal(self._password, nonce, path, content)

    def _ask(
        self,
        command: str,
        body: bytes,
        on_line: Callable[[str], object] = lambda _: None,
        timeout_s: float = _TIMEOUT_S,
    ) -> tuple[int, list[str]]:
        if not self.read_running(timeout_s):
            raise CommandError(
                f"{self.host} takes no updates over the network: update.password is not set on it, "
                f"or its httpd32 is an older one; {_CABLE}"
            )
        if command == "update":
            self._plan_nonce = self.nonce
        try:
            headers = self._prove(command, body)
            return self._request("POST", command, body, headers, on_line, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(str(self._unreachable(error)))

    def _prove(self, command: str, body: bytes) -> dict[str, str]:
        digest = hashlib.sha256(body).hexdigest()
        proof = prove(self._password, self.nonce, _PATH + command, digest)
        return {"Authorization": f"httpd32 {self.nonce} {digest} {proof}"}

    def _read_nonce(self, timeout_s: float) -> tuple[int, bytes]:
        for is_last in (self._connection is None, True):
            try:
                response = self._send("GET", "nonce", None, {}, timeout_s)
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()  # one that was kept open may be closed by now
                if is_last:
                    raise self._unreachable(error)
        raise AssertionError

    def _request(
        self,
        method: str,
        command: str,
        body: Any,
        headers: dict[str, str],
        on_line: Callable[[str], object] = lambda _: None,
        timeout_s: float = _TIMEOUT_S,
    ) -> tuple[int, list[str]]:
        response = self._send(method, command, body, headers, timeout_s)
        lines = []
        while line := response.readline():
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
            on_line(lines[-1])
        response.read()  # of one with a length, the end
        return response.status, lines

    def _send(
        self,
        method: str,
        command: str,
        body: Any,
        headers: dict[str, str],
        timeout_s: float = _TIMEOUT_S,
    ) -> http.client.HTTPResponse:
        if not self._connection:
            self._address = self._address or socket.gethostbyname(self.name)
            self._connection = http.client.HTTPConnection(self._address, self.port)
        if not self._connection.sock:
            self._connection.timeout = min(timeout_s, _CONNECT_TIMEOUT_S)
            self._connection.connect()
        self._connection.sock.settimeout(timeout_s)
        # A board refuses all but its own names, and a router may have given it another.
        headers = {"Host": self._address, **headers}
        self._connection.request(method, _PATH + command, body, headers)
        return self._connection.getresponse()

    def _unreachable(self, error: Exception) -> CommandError:
        self.close()
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        return CommandError(
            f"{self.host} does not answer ({reason}); is it on, and in this network?"
        )

    def _refusal(self, status: int, lines: list[str]) -> CommandError:
        self.close()
        text = lines[0] if lines else ""
        if "password" in text:
            return CommandError(
                f"{self.host}: {text}; {VARIABLE}= names the one that is on the board, if "
                "config.json has another"
            )
        if status == http.HTTPStatus.INSUFFICIENT_STORAGE:
            return flash_full()
        return CommandError(f"{self.host} refuses it: {status} {text}")


def flash_full() -> CommandError:
    return CommandError(
        "The board's flash is full; the board has not changed; remove files of yours from it"
    )


def wait_start(
    name: str, folder: str, ports: list[int], limit_s: float, on_turn: Callable[[], object]
) -> str:
    """Waits until a board runs the version in `folder`; its host and port then.

    folder  "" for one that takes no further updates
    ports   where it may listen
    CommandError if another version runs after a restart, or none answers in time.
    """
    end = time.monotonic() + limit_s
    has_restarted = False
    sure_at = math.inf  # that another version runs: who was merely slow has not restarted
    while time.monotonic() < end:
        for port in ports:
            on_turn()
            running = _read_running(f"{name}:{port}")
            if running == folder and (folder or has_restarted):
                return name if port == http.client.HTTP_PORT else f"{name}:{port}"
            if running and folder and has_restarted:
                sure_at = min(sure_at, time.monotonic() + _SURE_S)
            if running and time.monotonic() > sure_at:
                raise CommandError(f"{name} has gone back to {running[1:]}; make monitor says why")
            has_restarted = has_restarted or running is None
        time.sleep(_AGAIN_S)
    raise CommandError(
        f"{name} does not answer; if it has not served for a minute after three starts, it goes "
        "back to the version before by itself"
    )


def _read_running(host: str) -> str | None:
    try:
        board = NetworkBoard(host)
        with closing(board):
            running = board.read_running(_START_TIMEOUT_S)
            return "" if board.is_alone else running
    except Busy:
        return ""
    except CommandError:
        return None
