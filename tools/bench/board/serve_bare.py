"""The limit: a bare asyncio loop.  It reads to the blank line and writes one answer made before.

Arguments: port, `keep` or `close`: whether a connection lives on after a request.
"""

import asyncio
import sys

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"
    b"Content-Length: 19\r\n%s\r\nrandom: 1234567890\n"
)
_BLOCK_LEN = 1024


async def _receive(reader):
    """Whether a request came, instead of the end."""
    received = b""
    while b"\r\n\r\n" not in received:
        block = await reader.read(_BLOCK_LEN)
        if not block:
            return False
        received = received + block if received else block
    return True


async def _send(writer, answer):
    writer.write(answer)
    if writer.out_buf:
        await writer.drain()


async def _serve_kept(reader, writer):
    answer = _ANSWER % b""
    try:
        while await _receive(reader):
            await _send(writer, answer)
    except OSError:
        pass
    await writer.wait_closed()


async def _serve_once(reader, writer):
    answer = _ANSWER % b"Connection: close\r\n"
    try:
        if await _receive(reader):
            await _send(writer, answer)
    except OSError:
        pass
    await writer.wait_closed()


async def _main():
    serve = _serve_kept if "keep" in sys.argv else _serve_once
    await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[2]))
    while True:
        await asyncio.sleep(3600)


asyncio.run(_main())
