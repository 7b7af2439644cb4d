"""The address of a server that runs already: `HOST=` of the commands."""

import http.client
import re

from tools.terminal import CommandError

_LIMIT_S = 10


def parse(host: str) -> tuple[str, int]:
    """Name and port of `host` or `host:port`; CommandError if it is neither."""
    match = re.fullmatch(r"([\w.-]+)(?::(\d{1,5}))?", host)
    if not match or not _is_name(match[1]) or not 0 < int(match[2] or 80) < 65536:
        raise CommandError(
            f"HOST={host} is not an address; 192.168.1.20 or 127.0.0.1:8080, no http://"
        )
    return match[1], int(match[2] or 80)


def _is_name(name: str) -> bool:
    """Whether it can be looked up: `..` and a label of more than 63 octets can't."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def check(host: str) -> None:
    """CommandError if nothing answers there, or something without httpd32's demo routes."""
    name, port = parse(host)
    connection = http.client.HTTPConnection(name, port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/quick")
        body = connection.getresponse().read(64)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandError(
            f"{host} does not answer ({reason}); is it on, in this network, and is that its "
            "address? Its console tells: make monitor"
        )
    finally:
        connection.close()
    if not body.startswith(b"random: "):
        raise CommandError(f"{host} answers, but not as httpd32's demo, which has /quick and /long")
