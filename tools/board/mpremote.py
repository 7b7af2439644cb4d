"""Runs mpremote on a board, line by line of what it prints, and says in one line what failed."""

import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from tools.board import console, ports
from tools.terminal import Refused

_SCRIPTS = Path(__file__).parents[1] / "version" / "scripts"
_TURN_S = 0.5
_SILENCE_S = 90.0  # what the board does prints a line more often, however slow it is
# mpremote tells how far it is with a file on a terminal only.
_MPREMOTE = (
    "import sys; sys.stdout.isatty = lambda: True; from mpremote.main import main; sys.exit(main())"
)
_PROGRESS = re.compile(r" \.\.\. copying +(\d+)% ")
# So it ends before it has done anything: the board is slow, or the port is still held.
_NOT_BEGUN = ("could not enter raw repl", "failed to access")
_TRIES = 3
_PAUSE_S = 1.0
_PROMPT_LIMIT_S = 10.0
_ITEMS_AT_A_TIME = 8  # of a list that is sent: its source is on the board's heap


class Mpremote:
    """The board at a port, through mpremote's command line.

    `what_holds` is what is sure about the board if it fails in the middle.
    """

    def __init__(self, port: str, what_holds: str = "the board has not changed") -> None:
        self.port = port
        self.what_holds = what_holds

    def run(
        self,
        commands: Iterable[list[str]],
        on_line: Callable[[str], None] = lambda line: None,
        resumes: bool = True,
        on_turn: Callable[[float], None] = lambda share: None,
    ) -> list[str]:
        """Runs commands of mpremote one after the other; the lines that they print.

        resumes  False: the board's interpreter starts afresh before, with an empty heap
        on_line  called with each line when it comes
        on_turn  called now and then, with the share of the file being copied that is done, 0 to 1
        """
        words = [word for command in commands for word in ["+", *command]][1:]
        line = [sys.executable, "-u", "-c", _MPREMOTE, "connect", self.port]
        tries = 1
        while True:
            # A reset that took too long is not wanted once more.
            resume = ["resume"] if resumes or tries > 1 else []
            lines, status = self._run_once([*line, *resume, *words], on_line, on_turn)
            if not status:
                return lines
            text = "\n".join(lines)
            if tries == _TRIES or not any(each in text for each in _NOT_BEGUN):
                raise self._refusal(text)
            tries += 1
            time.sleep(_PAUSE_S)
            with suppress(Refused):
                console.ask(self.port, _PROMPT_LIMIT_S, restart=False)  # what it still says is read

    def _run_once(self, line, on_line, on_turn) -> tuple[list[str], int]:
        """The lines that mpremote prints, and its exit status."""
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            return self._follow(process, on_line, on_turn), process.wait()
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()

    def _follow(self, process, on_line, on_turn):
        received: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read_lines, args=(process, received), daemon=True)
        reader.start()
        lines: list[str] = []
        share = silence_s = 0.0
        while silence_s < _SILENCE_S:
            on_turn(share)
            try:
                line = received.get(timeout=_TURN_S)
            except queue.Empty:
                silence_s += _TURN_S
                continue
            if line is None:
                reader.join()
                return lines
            silence_s = 0.0
            if found := _PROGRESS.match(line):
                share = int(found[1]) / 100
            elif line.isspace():
                share = 1.0  # what it showed is wiped out
            elif line:
                share = 0.0 if line.startswith("cp ") else share
                lines.append(line)
                on_line(line)
        raise Refused(f"{self.port}: the board has stopped answering; {self._again()}")

    def _refusal(self, text: str) -> Refused:
        """What mpremote's last words mean."""
        if re.search(r"No space left|ENOSPC|OSError: 28", text):
            return Refused(f"The board's flash is full; {self._again()} with fewer files")
        if "No module named 'mpremote" in text:
            return Refused("mpremote is missing in .venv; make clean, and try again")
        if "could not enter raw repl" in text:
            return Refused(f"{self.port}: the board does not answer; press its reset button")
        if "failed to access" in text:
            ports.check(self.port)
        if "failed to access" in text or 'mpremote"' in text or "/mpremote/" in text:
            return Refused(f"{self.port}: the line to the board broke; {self._again()}")
        last = (text.strip() or "nothing").splitlines()[-1]
        return Refused(f"{self.port}: the board failed: {last}; {self._again()}")

    def _again(self):
        return f"{self.what_holds}; plug it in and try again"


def script(name: str, **variables: str | Sequence) -> list[list[str]]:
    """The commands that run a script of version/scripts/, with values for its capital names."""
    commands: list[list[str]] = []
    for key, value in variables.items():
        if isinstance(value, str):
            commands.append(["exec", f"{key} = {value!r}"])
            continue
        commands.append(["exec", f"{key} = []"])
        for start in range(0, len(value), _ITEMS_AT_A_TIME):
            commands.append(["exec", f"{key} += {value[start : start + _ITEMS_AT_A_TIME]!r}"])
    files = [["run", str(_SCRIPTS / each)] for each in ("files.py", f"{name}.py")]
    return [*commands, *files]


def _read_lines(process, received):
    for line in process.stdout:  # or a part of one that a CR ends
        received.put(line.rstrip("\r\n"))
    received.put(None)
