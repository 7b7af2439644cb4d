"""What a process prints, line by line, as it comes."""

import subprocess
import threading


class Lines(list[str]):
    """The lines of `process`, whose standard output is a pipe of text, without their ends."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__()
        assert process.stdout
        self._file = process.stdout
        self._changed = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, text: str, start: int, limit_s: float) -> int:
        """The number of the first line from `start` that contains `text`; waits for it.

        TimeoutError, with what came instead, when it is late or the process has ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._find(text, start) or self._has_ended, limit_s)
            found = self._find(text, start)
        if not found:
            raise TimeoutError(f"no {text!r} from line {start} of\n" + "\n".join(self))
        return found[0]

    def join(self, limit_s: float) -> None:
        """Returns when the last line has come."""
        self._reader.join(limit_s)

    def _find(self, text: str, start: int) -> list[int]:
        return [number for number in range(start, len(self)) if text in self[number]]

    def _read(self) -> None:
        for line in self._file:
            with self._changed:
                self.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
