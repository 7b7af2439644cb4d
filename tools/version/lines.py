"""A compiled module in which a function knows the line its body begins at, and none of its others.

They take a tenth of a module's code, and of a board's heap 3 KB.  A traceback says that line then.
What runs when a module is loaded keeps all of its lines, since it goes with that.

The format is MicroPython's, docs/reference/mpyfiles.rst and py/bc.h there, of version 6.
"""

_VERSION = b"M\x06"
_WITH_LENGTH = range(5, 10)  # kinds of constants: str, bytes, int, float, complex
_WITH_END = (5, 6)  # a str and bytes end in a NUL
_TUPLE = 10
_BYTECODE = 0  # a kind of code; native code has other lines
_MAX_STEP = 0x7FF  # lines, in one entry
_MAX_SHORT_STEP = 3  # in one of a single byte


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def take(self, length: int) -> bytes:
        self.at += length
        return self._content[self.at - length : self.at]

    def number(self) -> int:
        """An unsigned one, seven bits to a byte, the highest first."""
        value = 0
        while True:
            octet = self.take(1)[0]
            value = value << 7 | octet & 0x7F
            if octet < 0x80:
                return value

    def constant(self) -> None:
        kind = self.take(1)[0]
        if kind == _TUPLE:
            for _ in range(self.number()):
                self.constant()
        elif kind in _WITH_LENGTH:
            self.take(self.number() + (kind in _WITH_END))


def keep_first(content: bytes) -> bytes:
    """The module in a .mpy with the first line of each function only."""
    if not content.startswith(_VERSION):
        raise ValueError("no .mpy of version 6")
    reader = _Reader(content)
    reader.take(4)
    names, constants = reader.number(), reader.number()
    for _ in range(names):
        length = reader.number()
        if not length & 1:  # else one that MicroPython has
            reader.take((length >> 1) + 1)
    for _ in range(constants):
        reader.constant()
    start = content[: reader.at]
    return start + _code(reader, is_module=True) + content[reader.at :]


def _code(reader: _Reader, is_module: bool = False) -> bytes:
    """A function, and those that it defines."""
    head = reader.number()
    code = reader.take(head >> 3)
    if head & 3 == _BYTECODE and not is_module:
        code = _shorten(code)
    inner = b""
    if head & 4:
        count = reader.number()
        inner = _number(count) + b"".join(_code(reader) for _ in range(count))
    return _number(len(code) << 3 | head & 7) + code + inner


def _shorten(code: bytes) -> bytes:
    """A function's code: its signature, the lengths of two tables, names, lines, and the rest."""
    reader = _Reader(code)
    arguments = _arguments(reader)
    signature = code[: reader.at]
    info_len, cells = _table_lengths(reader)
    start = reader.at
    for _ in range(1 + arguments):
        reader.number()
    names = code[start : reader.at]
    lines = _entry(_first_line(reader.take(start + info_len - reader.at)))
    return signature + _put_lengths(len(names + lines), cells) + names + lines + code[reader.at :]


def _arguments(reader: _Reader) -> int:
    """How many have a name: xSSSSEAA, then xFSSKAED for as long as x is set."""
    octet = reader.take(1)[0]
    positional, keyword, turn = octet & 3, 0, 0
    while octet & 0x80:
        octet = reader.take(1)[0]
        positional |= (octet & 4) << turn
        keyword |= (octet >> 3 & 1) << turn
        turn += 1
    return positional + keyword


def _table_lengths(reader: _Reader) -> tuple[int, int]:
    """(Bytes of names and lines, cells): xIIIIIIC, for as long as x is set; the lowest first."""
    info_len = cells = turn = 0
    octet = 0x80
    while octet & 0x80:
        octet = reader.take(1)[0]
        info_len |= (octet >> 1 & 0x3F) << 6 * turn
        cells |= (octet & 1) << turn
        turn += 1
    return info_len, cells


def _put_lengths(info_len: int, cells: int) -> bytes:
    octets = bytearray()
    while True:
        octets.append(0x80 | (info_len & 0x3F) << 1 | cells & 1)
        info_len, cells = info_len >> 6, cells >> 1
        if not info_len and not cells:
            octets[-1] &= 0x7F
            return bytes(octets)


def _first_line(entries: bytes) -> int:
    """Lines from the first one of the file to the one that a function's body begins at.

    An entry is 0LLBBBBB, or 1LLLBBBB LLLLLLLL: so many bytes of code further, and lines.  Behind
    one of as many lines as it can have, what follows may be the rest, or a line of the body.
    """
    line = at = 0
    while at < len(entries):
        octet = entries[at]
        at += 1
        step, most = octet >> 5, _MAX_SHORT_STEP
        if octet & 0x80:
            step, most = octet << 4 & 0x700 | entries[at], _MAX_STEP
            at += 1
        line += step
        if 0 < step < most:
            break
    return line


def _entry(line: int) -> bytes:
    octets = b""
    while line > _MAX_SHORT_STEP:
        step = min(line, _MAX_STEP)
        octets += bytes((0x80 | step >> 4 & 0x70, step & 0xFF))
        line -= step
    return octets + (bytes([line << 5]) if line else b"")


def _number(value: int) -> bytes:
    octets = bytes([value & 0x7F])
    while value := value >> 7:
        octets = bytes([0x80 | value & 0x7F]) + octets
    return octets
