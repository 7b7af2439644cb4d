"""A compiled module in which a function knows the line of its first statement, and no other.

Lines take a tenth of a module's code.  A traceback says the first one then, also of a class's body.
What a module does by itself keeps its lines, and leaves the heap when it is done.

The format is MicroPython's, docs/reference/mpyfiles.rst and py/bc.h there, of version 6.
"""

_START = b"M\x06\x00"  # of a module without code for a processor, which has other lines
_WITH_LENGTH = range(5, 10)  # kinds of constants: str, bytes, int, float, complex
_WITH_END = (5, 6)  # a str and bytes end in a NUL
_TUPLE = 10
_MAX_SHORT_STEP = 3  # lines, in an entry of one byte
_MAX_STEP = 0x7FF  # in one of two


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

    def skip_name(self) -> None:
        length = self.number()
        if not length & 1:  # else one that MicroPython has
            self.take((length >> 1) + 1)

    def skip_constant(self) -> None:
        kind = self.take(1)[0]
        if kind == _TUPLE:
            for _ in range(self.number()):
                self.skip_constant()
        elif kind in _WITH_LENGTH:
            self.take(self.number() + (kind in _WITH_END))


def keep(content: bytes) -> bytes:
    """The module in a .mpy with the first line of each function only."""
    if not content.startswith(_START):
        raise ValueError("no .mpy of version 6, or with code for a processor")
    reader = _Reader(content)
    reader.take(len(_START) + 1)
    names, constants = reader.number(), reader.number()
    for _ in range(names):
        reader.skip_name()
    for _ in range(constants):
        reader.skip_constant()
    start = content[: reader.at]
    return start + _rewrite(reader, is_module=True)


def _rewrite(reader: _Reader, is_module: bool = False) -> bytes:
    """A function, and those that it defines."""
    head = reader.number()
    code = reader.take(head >> 3)
    if not is_module:
        code = _shorten(code)
    inner = b""
    if head & 4:
        count = reader.number()
        inner = _encode(count) + b"".join(_rewrite(reader) for _ in range(count))
    return _encode(len(code) << 3 | head & 7) + code + inner


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
    lines = _encode_line(_first_line(reader.take(start + info_len - reader.at)))
    lengths = _encode_lengths(len(names + lines), cells)
    return signature + lengths + names + lines + code[reader.at :]


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


def _first_line(entries: bytes) -> int:
    """Lines from the first one of the file to that of a function's first statement.

    An entry is 0LLBBBBB, or 1LLLBBBB LLLLLLLL: so many bytes of code further, and lines.  One that
    goes on in the code, where a line is known, is of the statement behind it.
    """
    line = at = 0
    while at < len(entries):
        octet = entries[at]
        at += 1
        lines, code_len = octet >> 5, octet & 0x1F
        if octet & 0x80:
            lines, code_len = (octet << 4 & 0x700) | entries[at], octet & 0xF
            at += 1
        if line and code_len:
            break
        line += lines
    return line


def _encode_line(line: int) -> bytes:
    octets = b""
    while line > _MAX_SHORT_STEP:
        step = min(line, _MAX_STEP)
        octets += bytes((0x80 | (step >> 4 & 0x70), step & 0xFF))
        line -= step
    return octets + (bytes([line << 5]) if line else b"")


def _encode_lengths(info_len: int, cells: int) -> bytes:
    octets = bytearray()
    while True:
        octets.append(0x80 | (info_len & 0x3F) << 1 | cells & 1)
        info_len, cells = info_len >> 6, cells >> 1
        if not info_len and not cells:
            octets[-1] &= 0x7F
            return bytes(octets)


def _encode(number: int) -> bytes:
    octets = bytes([number & 0x7F])
    while number := number >> 7:
        octets = bytes([0x80 | number & 0x7F]) + octets
    return octets
