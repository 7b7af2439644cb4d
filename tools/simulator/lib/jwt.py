"""As much of PyJWT as `microdot.session` uses, for MicroPython: tokens signed with HS256.

On a board this is micropython-lib's `jwt`, which no registry carries.
"""

import binascii
import hashlib
import json

_BLOCK_LEN = 64


class exceptions:
    class PyJWTError(Exception):
        pass


PyJWTError = exceptions.PyJWTError


def encode(payload, secret_key, algorithm="HS256"):
    text = _encode({"typ": "JWT", "alg": algorithm}) + "." + _encode(payload)
    return text + "." + _sign(text, secret_key)


def decode(token, secret_key, algorithms=("HS256",)):
    text, signature = token.rsplit(".", 1)
    if _sign(text, secret_key) != signature:
        raise PyJWTError
    return json.loads(binascii.a2b_base64(text.split(".")[1] + "=="))


def _encode(value):
    return binascii.b2a_base64(json.dumps(value).encode()).decode().strip().rstrip("=")


def _sign(text, key):
    """HMAC with SHA-256 (RFC 2104)."""
    key = key.encode() + bytes(_BLOCK_LEN - len(key))
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in key) + text.encode()).digest()
    digest = hashlib.sha256(bytes(octet ^ 0x5C for octet in key) + inner).digest()
    return binascii.hexlify(digest).decode()
