"""The header fields of a request, looked up in the received bytes when they are asked for.

So a browser's fifteen headers cost neither fifteen strings nor a dictionary.  The head has been
checked by `http1`: every line has a name, a colon right behind it, and no control character.
"""


class Headers:
    """The header fields of one request, by name in any case, as Microdot's `request.headers`.

    Several fields of one name are one value, joined by ", " (RFC 9110, 5.3); cookies by "; ".
    """

    def __init__(self, raw: bytes):
        self._raw = raw
        self._lower = raw.lower()

    def __contains__(self, name: str) -> bool:
        return self.count(_needle(name)) > 0

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self):
        return (name for name, _ in self.items())

    def get(self, name: str, default=None):
        needle = _needle(name)
        at = self._lower.find(needle)
        if at < 0:
            return default
        value = _text(self._value_at(at + len(needle)))
        while True:
            at = self._lower.find(needle, at + 1)
            if at < 0:
                return value
            joint = "; " if needle == b"\ncookie:" else ", "
            value += joint + _text(self._value_at(at + len(needle)))

    def items(self):
        """Every field as (name, value), in the order and with the capitals they came in."""
        start = self._raw.find(b"\n") + 1
        while True:
            end = self._raw.find(b"\n", start)
            colon = self._raw.find(b":", start, end)
            if colon < 0:
                return
            yield _text(self._raw[start:colon]), _text(self._value_at(colon + 1))
            start = end + 1

    def keys(self):
        return iter(self)

    def count(self, needle: bytes) -> int:
        """How many fields have the name in `needle`, which is b"\\nname:" in lower case."""
        return self._lower.count(needle)

    def first(self, needle: bytes):
        """The first field of that name in lower case as bytes, or None."""
        at = self._lower.find(needle)
        if at < 0:
            return None
        end = self._lower.find(b"\n", at + 1)
        return self._lower[at + len(needle) : end].strip()

    def _value_at(self, start):
        return self._raw[start : self._raw.find(b"\n", start)].strip()


def _needle(name):
    return b"\n" + name.lower().encode() + b":"


def _text(octets):
    try:
        return octets.decode()
    except UnicodeError:
        return _transcode(octets).decode()


def _transcode(octets):
    """ISO 8859-1, which fields were in before RFC 7230, as UTF-8.

    Not with chr(): MicroPython keeps every character that it has made, for ever.
    """
    text = bytearray()
    for octet in octets:
        if octet < 0x80:
            text.append(octet)
        else:
            text.append(0xC0 | octet >> 6)
            text.append(0x80 | octet & 0x3F)
    return bytes(text)
