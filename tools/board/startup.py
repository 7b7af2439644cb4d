"""Stops what runs on a board, or starts it and follows it until its server answers."""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator

from tools.board.console import PROMPT, Console
from tools.board.mpremote import Remote
from tools.board.start_log import StartLog
from tools.terminal import CommandError, Progress

_PROMPT_LIMIT_S = 30.0
_LIMIT_S = 120.0  # to say something, and then once more to have a server
_ETHERNET_LIMIT_S = 20.0  # for what follows on Ethernet: Wi-Fi after 12 s, if it may
_QUIET_LIMIT_S = 15.0  # for a board whose log.level hides that its server is up
_PROMPT_S = 20.0
_SHORT_PROMPT_S = 5.0  # where the tool is about to end
_TYPE_AGAIN_S = 2.0  # the first bytes on a line may be lost
_QUIET_S = 10.0  # of silence from a port that is back: its lines were missed
_AWAY_S = 15.0
_ASK_S = 10.0
_FIRST_LINE_LIMIT_S = 8.0  # for a board that may not be ours to say something
_START_LIMIT_S = 25.0
_FAR_OFF_MS = 2_000_000_000  # 23 days, of the 24 that a watchdog can count
_TO_PROMPT = b"\r\x03\x02"  # Ctrl-C, and Ctrl-B out of the raw REPL
# What is typed, and what answers before the board starts.
_RESET = (b"import machine; machine.reset()\r", b"machine.reset()")
_SOFT_RESET = (b"\x04", b"soft reboot")


class Failed(CommandError):
    """The program or its configuration keeps the server from starting: no network would help."""


class NoPrompt(CommandError):
    """The board does not come to its prompt."""


class Start:
    """A start of a board, over which its port may go away and return.

    The connection that restarts the board is the one that reads its log, so that no line of it is
    lost.  A chip with USB of its own takes the port away with it: if then nothing comes, a soft
    restart, which leaves the port, says it all again.
    """

    def __init__(self, console: Console, prompt_s: float = _PROMPT_S) -> None:
        self.log = StartLog()
        self._console = console
        self._prompt_s = prompt_s
        self._away_since: float | None = None  # and nothing has come meanwhile

    def restart(self, patience_s: float = 0) -> None:
        """Restarts the board, if its port opens within `patience_s`."""
        deadline = time.monotonic() + patience_s
        while not self._console.reopen():
            if time.monotonic() > deadline:
                raise CommandError(_gone(self._console.port))
        self._type(_RESET)

    def restart_softly(self) -> None:
        """Restarts MicroPython alone, as Ctrl-D does: the port stays."""
        self._type(_SOFT_RESET)

    def read(self) -> list[str]:
        """The lines of the log that have come; waits for them a moment.

        CommandError if the port has gone and stays away.
        """
        block = b""
        try:
            if not self._console.is_open:
                self._away_since = self._away_since or time.monotonic()
            if self._console.reopen():
                block = self._console.read()
        except OSError:
            self._console.close()
        if block:
            self._away_since = None
        elif self._away_since:
            self._bring_back(time.monotonic() - self._away_since)
        return self.log.feed(block)

    def _bring_back(self, seconds: float) -> None:
        """The port was or is away, and nothing has come since."""
        if self._console.is_open and seconds > _QUIET_S and not self.log.address:
            self._away_since = None
            self._type(_SOFT_RESET)
        elif not self._console.is_open and seconds > _AWAY_S:
            raise CommandError(_gone(self._console.port))

    def _type(self, command: tuple[bytes, bytes]) -> None:
        """Types a command at the prompt, and reads up to its answer."""
        self._wait_text(PROMPT, _TO_PROMPT)
        self._console.write(command[0])
        self._wait_text(command[1])

    def _wait_text(self, text: bytes, typed: bytes = b"") -> None:
        """Types `typed`, again and again, until it answers with `text`."""
        start = time.monotonic()
        typed_count = 0
        seen = b""
        while text not in seen:
            seconds = time.monotonic() - start
            if seconds > self._prompt_s:
                port = self._console.port
                raise CommandError(f"{port}: the board does not answer; press its reset button")
            if typed and seconds >= typed_count * _TYPE_AGAIN_S:
                self._console.write(typed)
                typed_count += 1
            seen += self._console.read(1)


def wait_prompt(console: Console) -> None:
    """Stops what runs on the board; NoPrompt with the reason if MicroPython does not answer."""
    port = console.port
    with Progress("waiting for the board's prompt") as progress:
        answer = console.ask(_PROMPT_LIMIT_S, on_turn=progress.show)
    if answer.version:
        return
    if b"waiting for download" in answer.text:
        raise NoPrompt(f"{port}: the board is in its bootloader; press its reset button")
    if answer.is_resetting():
        raise NoPrompt(f"{port}: the board restarts again and again; make flash begins anew")
    if answer.text.decode("ascii", "replace").split():
        raise NoPrompt(f"{port}: something answers, but not MicroPython; make flash puts it there")
    remedy = "press its reset button while this waits, or make doctor"
    raise NoPrompt(f"{port}: the board does not answer; {remedy}")


@contextlib.contextmanager
def stopped(console: Console) -> Iterator[None]:
    """A board that waits at its prompt, and runs what it ran if something fails meanwhile."""
    try:
        wait_prompt(console)
        _put_off_watchdog(console)
        yield
    except NoPrompt:
        raise
    except BaseException:
        restart(console)
        raise


def _put_off_watchdog(console: Console) -> None:
    """One that the application has started would reset the board in the middle of a deploy.

    Only a hard reset ends it, as the one after a deploy does; another time-out can be given.
    """
    with contextlib.suppress(CommandError):
        Remote(console).run([f"import machine\nmachine.WDT(timeout={_FAR_OFF_MS})"])


def restart(console: Console) -> None:
    """Restarts the board and closes its port; nothing is raised if it can't be reached."""
    for _ in range(2):  # the connection may be broken, and the next one not
        try:
            Start(console, _SHORT_PROMPT_S).restart()
            break
        except OSError:
            console.close()
        except CommandError:
            break
    console.close()


def read_start(console: Console, on_turn: Callable[[], None] = lambda: None) -> StartLog:
    """Restarts a board that waits at its prompt; its log until the server is up.

    Or until it is certain that it will not be, or the log says nothing of a server in time.
    `on_turn` is called now and then meanwhile.
    """
    start = Start(console)
    start.restart_softly()
    began = time.monotonic()
    log = start.log
    while not _is_decided(log) and time.monotonic() - began < _START_LIMIT_S:
        start.read()
        on_turn()
        if not log.lines and time.monotonic() - began > _FIRST_LINE_LIMIT_S:
            break
    return log


def url(host: str, port: int) -> str:
    return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"


def run(
    console: Console, is_quiet: bool = False, limit_s: float = _LIMIT_S, *, by_name: str = ""
) -> None:
    """Restarts the board and follows it until its server is up and was asked.

    is_quiet  whether its log.level hides that its server is up
    by_name   the URL with the board's name, if it is known
    CommandError if it does not come up; Failed if that is the program's own doing.
    """
    start = Start(console)
    log = start.log
    try:
        start.restart(_AWAY_S)
        _follow(start, min(limit_s, _QUIET_LIMIT_S) if is_quiet else limit_s)
    except OSError:
        raise CommandError(_gone(console.port))
    finally:
        console.close()
    if log.failure:
        raise Failed(log.failure)
    if log.is_up and log.address:
        _ask(log.address, log.port, by_name)
    elif is_quiet and not (log.wifi_failures or log.no_ethernet):
        print("The board says no error; its log.level hides its address. Your router knows it.")
        if by_name:
            print(by_name)
    else:
        raise CommandError(_what_is_missing(log, limit_s))


def _gone(port: str) -> str:
    return f"{port} has gone; the board runs the new version when it is back"


def _follow(start: Start, limit_s: float) -> None:
    log = start.log
    deadline = time.monotonic() + limit_s
    before = (False, "")
    with Progress("waiting for the server") as progress:
        while not _is_decided(log) and time.monotonic() < deadline:
            for line in start.read():
                print(line)
            now = (bool(log.lines), log.no_ethernet)
            if now != before:  # once to start, once for the network
                before = now
                patience_s = min(limit_s, _ETHERNET_LIMIT_S) if log.no_ethernet else limit_s
                deadline = time.monotonic() + patience_s
            progress.show()


def _is_decided(log: StartLog) -> bool:
    return log.is_up or bool(log.failure or log.no_network)


def _what_is_missing(log: StartLog, limit_s: float) -> str:
    if log.address:
        return f"The server is not up after {limit_s:.0f} s; make monitor shows what the board says"
    if log.no_network:
        return (
            f"The board has no network: {log.no_network}; it goes on trying. Is the network there, "
            "and its password right? make config, then make deploy"
        )
    if log.no_ethernet:
        return f"The board has no network: {log.no_ethernet}"
    if log.lines:
        return (
            f"The board has no network after {limit_s:.0f} s; is the network there, and its "
            "password right? make config, then make deploy"
        )
    return (
        f"The board has said nothing for {limit_s:.0f} s; make monitor, and press its reset button"
    )


def _ask(address: str, port: int, by_name: str) -> None:
    """Prints the URLs, and whether this computer reaches it: the board's server is up anyway.

    Whatever the answer is, it is one: what the routes are is the application's own.
    """
    print(url(address, port))
    if by_name:
        print(by_name)
    connection = http.client.HTTPConnection(address, port, timeout=_ASK_S)
    start = time.monotonic()
    try:
        connection.request("GET", "/quick")
        status = connection.getresponse().status
        print(f"It answers in {time.monotonic() - start:.2f} s")
        if status == 503:  # to the first who asks
            print("with 503, it is busy: the application may need too much; see docs/memory.md")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"This computer does not reach it ({reason}); is it in the same network?")
    finally:
        connection.close()
