"""The REPLs of a board that is played here, as mpremote needs them.  For MicroPython for Unix."""

import sys

SOFT_RESET = {"friendly": 3, "raw": 4}  # exit status

_WINDOW_LEN = 128  # of the raw-paste mode: half the board's input buffer
_BANNER = "\nMicroPython v1.25.0 on 2025-04-15; Generic ESP32 module with ESP32\n" + (
    'Type "help()" for more information.\n'
)
_RAW_BANNER = "raw REPL; CTRL-B to exit\n"


def leave(repl):
    """A soft reset: the next process goes on."""
    write("MPY: soft reboot\n")
    sys.exit(SOFT_RESET[repl])


def write(text):
    sys.stdout.write(text)


class Repl:
    """Reads from `typed`; what runs has the global `names`.

    run_program  runs a piece of program, given as a function and its arguments
    """

    def __init__(self, typed, names, run_program):
        self._typed = typed
        self._names = names
        self._run = run_program

    def run(self, is_raw):
        while True:
            try:
                if is_raw:
                    self._run_raw_repl()
                else:
                    self._run_friendly()
                is_raw = not is_raw
            except KeyboardInterrupt:
                pass  # nothing runs

    def _run_friendly(self):
        """Until Ctrl-A."""
        write(_BANNER)
        while True:
            write(">>> ")
            line = b""
            octet = self._typed.read()
            while octet not in b"\r\x01\x02\x03\x04":
                line += octet
                write(octet.decode() if octet >= b" " else "")
                octet = self._typed.read()
            write("\n")
            if octet == b"\x01":
                return
            if octet == b"\x02":
                write(_BANNER)
            elif octet == b"\x04" and not line:
                leave("friendly")
            elif octet == b"\r" and line.strip():
                self._run(self._run_line, line.decode())

    def _run_line(self, line):
        exec(compile(line, "<stdin>", "single"), self._names)

    def _run_raw_repl(self):
        """Until Ctrl-B."""
        write(_RAW_BANNER + ">")
        code = b""
        while True:
            octet = self._typed.read()
            if octet == b"\x02":
                write("\n")
                return
            if octet == b"\x01":
                write(_RAW_BANNER + ">")
                code = b""
            elif octet == b"\x03":
                code = b""
            elif octet == b"\x05" and not code:
                # Ctrl-E "A" Ctrl-A asks for raw paste.
                self._typed.read()
                self._typed.read()
                pasted = self._paste()
                if pasted is not None:
                    self._run_raw(pasted)
                write(">")
            elif octet != b"\x04":
                code += octet
            elif not code:
                leave("raw")
            else:
                write("OK")
                self._run_raw(code)
                code = b""
                write(">")

    def _paste(self):
        """The code that is sent with flow control; None if it was given up."""
        sys.stdout.buffer.write(b"R\x01" + bytes((_WINDOW_LEN, 0, 1)))
        code = bytearray()
        window = _WINDOW_LEN
        while True:
            octet = self._typed.read()
            if octet in b"\x03\x04":
                write("\x04")
                return bytes(code) if octet == b"\x04" else None
            code += octet
            window -= 1
            if not window:
                write("\x01")
                window = _WINDOW_LEN

    def _run_raw(self, code):
        """The answer is what it prints, Ctrl-D, its traceback, Ctrl-D."""
        try:
            exec(compile(code.decode(), "<stdin>", "exec"), self._names)
            write("\x04")
        except SystemExit:
            write("\x04\x04")
            leave("raw")
        except BaseException as error:
            write("\x04")
            sys.print_exception(error, sys.stdout)
        write("\x04")
