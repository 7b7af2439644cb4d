"""JSON Web Tokens signed with HS256, by the names of PyJWT: what `microdot.session` imports.

It goes onto a board with an application that imports `jwt` and brings none of its own.
"""

import binascii
import hashlib
import json
import time

_BLOCK_LEN = 64  # of SHA-256


class exceptions:
    class PyJWTError(Exception):
        pass

    class InvalidTokenError(PyJWTError):
        pass

    class InvalidAlgorithmError(InvalidTokenError):
        pass

    class InvalidSignatureError(InvalidTokenError):
        pass

    class ExpiredSignatureError(InvalidTokenError):
        pass


PyJWTError = exceptions.PyJWTError
InvalidTokenError = exceptions.InvalidTokenError
InvalidAlgorithmError = exceptions.InvalidAlgorithmError
InvalidSignatureError = exceptions.InvalidSignatureError
ExpiredSignatureError = exceptions.ExpiredSignatureError


def encode(payload, key, algorithm="HS256"):
    """The token of a dictionary."""
    if algorithm != "HS256":
        raise InvalidAlgorithmError
    head = {"typ": "JWT", "alg": algorithm}
    text = ".".join([_encode(json.dumps(part).encode()) for part in (head, payload)])
    return text + "." + _encode(_sign(text.encode(), key))


def decode(token, key, algorithms=("HS256",)):
    """The dictionary of a token; InvalidTokenError if its signature is wrong or it has expired."""
    text, _, signature = (token if isinstance(token, str) else token.decode()).rpartition(".")
    try:
        head, payload = [json.loads(_decode(part)) for part in text.split(".")]
        algorithm = head["alg"]
        given = _decode(signature)
    except (ValueError, KeyError, TypeError):
        raise InvalidTokenError
    if algorithm != "HS256" or algorithm not in algorithms:
        raise InvalidAlgorithmError
    if not _is_equal(given, _sign(text.encode(), key)):
        raise InvalidSignatureError
    if isinstance(payload, dict) and "exp" in payload and time.time() > payload["exp"]:
        raise ExpiredSignatureError
    return payload


def _encode(octets):
    """base64url without padding (RFC 7515, 2)."""
    text = binascii.b2a_base64(octets).decode().strip().rstrip("=")
    return text.replace("+", "-").replace("/", "_")


def _decode(text):
    text = text.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4))


def _sign(text, key):
    """HMAC with SHA-256 (RFC 2104)."""
    if isinstance(key, str):
        key = key.encode()
    if len(key) > _BLOCK_LEN:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK_LEN - len(key))
    inner = hashlib.sha256(bytes([octet ^ 0x36 for octet in key]) + text).digest()
    return hashlib.sha256(bytes([octet ^ 0x5C for octet in key]) + inner).digest()


def _is_equal(one, other):
    """In the same time, wherever they differ."""
    difference = len(one) ^ len(other)
    for index in range(min(len(one), len(other))):
        difference |= one[index] ^ other[index]
    return not difference
