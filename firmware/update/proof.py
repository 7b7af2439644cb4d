"""Who may update the board: HMAC, nonces, sealed files and the name that a request is for."""

import hashlib
from binascii import hexlify
from time import ticks_add, ticks_diff

from micropython import const

OTHER_BODY = "the body is not what was announced"
_SEAL_LEN = const(32)
_NONCE_MS = const(60000)
_AHEAD_MS = const(100)  # of several that were made in one millisecond
_AGE_LEN = const(8)


class Refused(Exception):
    """Its arguments are a status, and why, in words."""


class Guard:
    """Knows the password, and which nonces are good: each for one request, within a minute.

    secret  of this board, for as long as nonces are given
    """

    def __init__(self, password: str, secret: bytes) -> None:
        self._password = password.encode()
        self._secret = secret
        self._used: int | None = None  # ticks of the nonce that was used last

    def make_nonce(self, now: int) -> str:
        """A nonce has its own age in it: none is stored, so no client can displace another's."""
        if self._used is not None and ticks_diff(now, self._used) <= 0:
            now = ticks_add(self._used, 1)
        return self._encode(now)

    def _encode(self, now: int) -> str:
        age = b"%08x" % now
        return (age + hexlify(hmac(self._secret, age)[:12])).decode()

    def check(self, given: str | None, path: str, now: int, known: str | None = None) -> tuple:
        """(nonce, digest of the body) of a field `Authorization`; Refused if it proves nothing.

        known  the nonce of a plan, which is good for its files, too
        """
        words = (given or "").split(" ")
        if len(words) != 4 or words[0] != "httpd32":
            raise Refused(401, "no proof of the password")
        nonce, digest, proof = words[1:]
        made = 0 if nonce == known else self._check_nonce(nonce, now)
        message = "%s\n%s\n%s\n" % (nonce, path, digest)
        if not is_same(hexlify(hmac(self._password, message.encode())).decode(), proof):
            raise Refused(403, "wrong password")
        if nonce != known:
            self._used = made
        return nonce, digest

    def _check_nonce(self, nonce: str, now: int) -> int:
        """When it was made."""
        try:
            made = int(nonce[:_AGE_LEN], 16)
        except ValueError:
            made = now
        is_young = -_AHEAD_MS < ticks_diff(now, made) < _NONCE_MS
        if not is_young or not is_same(self._encode(made), nonce):
            raise Refused(403, "the nonce is none of this board, or too old")
        if self._used is not None and ticks_diff(made, self._used) <= 0:
            raise Refused(403, "the nonce was used before")
        return made

    def unseal(self, context: str, at: int, block: bytes) -> bytes:
        """`block`, the bytes from `at` of a file, without the key stream its sender has added.

        context  nonce of the plan and path of the file: each key is used once
        """
        opened = b""
        while block:
            key = hmac(self._password, ("seal\n%s\n%d" % (context, at)).encode())
            opened += bytes([one ^ other for one, other in zip(block, key)])
            block = block[_SEAL_LEN:]
            at += _SEAL_LEN
        return opened


def check_body(body: bytes, digest: str) -> None:
    """Refused if it has another digest."""
    if hexlify(hashlib.sha256(body).digest()).decode() != digest:
        raise Refused(400, OTHER_BODY)


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104)."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key += bytes(64 - len(key))
    inner = hashlib.sha256(bytes([octet ^ 0x36 for octet in key]))
    inner.update(message)
    outer = hashlib.sha256(bytes([octet ^ 0x5C for octet in key]))
    outer.update(inner.digest())
    return outer.digest()


def is_same(one: str, other: str) -> bool:
    """In the same time, wherever they differ."""
    difference = len(one) ^ len(other)
    for a, b in zip(one, other):
        difference |= ord(a) ^ ord(b)
    return not difference


def check_host(given: str | None, address: str | None, name: str) -> None:
    """Refused if a request is for another host: a page in a browser may have got it here by a name
    of its own that suddenly has the board's address."""
    host = (given or "").split(":")[0].lower()
    name = name.lower()
    if host not in (address, name, name + ".local"):
        raise Refused(421, "a foreign Host field")
