import unittest

from firmware.update.client import Client
from host_tests.unit.fakes import run_async

HEAD = "%s HTTP/1.1\r\nHost: lamp\r\nContent-Length: %s\r\n\r\n"


class Wires:
    """What connects a client: it has sent `blocks`; `sent` is what it was sent."""

    def __init__(self, *blocks):
        self.blocks = [block.encode() for block in blocks]
        self.sent = b""
        self.is_closed = False

    def get_extra_info(self, name):
        return ("192.168.1.9", 5000)

    async def read(self, length):
        if not self.blocks:
            return b""
        block = self.blocks.pop(0)
        if len(block) > length:
            self.blocks.insert(0, block[length:])
        return block[:length]

    def write(self, octets):
        self.sent += octets

    async def drain(self):
        pass

    def close(self):
        self.is_closed = True

    async def wait_closed(self):
        pass


async def serve(*blocks, answer=("fine\n", 200, {})):
    """(the client, what it was sent)."""
    wires = Wires(*blocks)
    client = Client(wires, wires)
    told = []

    async def give(asked):
        told.append(asked)
        return await answer(asked) if callable(answer) else answer

    await client.serve(give)
    assert told == [client]
    return client, wires.sent.decode()


class TestClient(unittest.TestCase):
    @run_async
    async def test_a_request_comes_in_any_blocks(self):
        text = HEAD % ("POST /.httpd32/room", 5) + "hello"
        for length in (1, 7, len(text)):
            blocks = [text[at : at + length] for at in range(0, len(text), length)]
            client, sent = await serve(*blocks)
            self.assertEqual((client.method, client.path), ("POST", "/.httpd32/room"))
            self.assertEqual((client.body, client.content_length), (b"hello", 5))
            self.assertEqual(client.headers["host"], "lamp")
            self.assertTrue(sent.startswith("HTTP/1.1 200 \r\nConnection: close\r\n"))
            self.assertTrue(sent.endswith("\r\nContent-Length: 5\r\n\r\nfine\n"))

    @run_async
    async def test_a_field_of_a_response_is_sent(self):
        answer = ("no\n", 401, {"WWW-Authenticate": "httpd32"})
        sent = (await serve(HEAD % ("GET /", 0), answer=answer))[1]
        self.assertTrue(sent.startswith("HTTP/1.1 401 \r\n"))
        self.assertIn("\r\nWWW-Authenticate: httpd32\r\n", sent)

    @run_async
    async def test_a_file_is_read_in_blocks_of_what_is_asked_for(self):
        async def read_some(client):
            blocks = []
            while len(b"".join(blocks)) < client.content_length:
                blocks.append(await client.stream.read(512))
            assert b"".join(blocks) == b"x" * 1500
            assert list(map(len, blocks)) == [512, 512, 476]  # what is sealed has a key for 32 each
            return "taken\n", 200, {}

        text = HEAD % ("PUT /.httpd32/file/1", 1500)
        for blocks in (
            (text, "x" * 700, "x" * 800),
            (text + "x" * 100, "x" * 1400),
            (text + "x" * 1500,),
        ):
            client, sent = await serve(*blocks, answer=read_some)
            self.assertEqual(client.body, b"")
            self.assertIn(" 200 ", sent)

    @run_async
    async def test_a_short_body_is_read_from_the_stream_as_well(self):
        async def read_all(client):
            blocks = []
            for _ in range(4):
                blocks.append(await client.stream.read(512))
            assert list(map(len, blocks)) == [512, 512, 176, 0]
            assert b"".join(blocks) == client.body
            return "taken\n", 200, {}

        await serve(HEAD % ("POST /.httpd32/update", 1200), "x" * 1200, answer=read_all)

    @run_async
    async def test_what_nobody_has_read_of_a_body_is_read_after_the_response(self):
        wires = Wires(HEAD % ("PUT /.httpd32/file/1", 9000), "x" * 9000)
        client = Client(wires, wires)

        async def refuse(asked):
            assert wires.blocks
            return "no\n", 409, {}

        await client.serve(refuse)
        self.assertEqual(wires.blocks, [])
        self.assertIn(" 409 ", wires.sent.decode())

    @run_async
    async def test_lines_that_are_made_meanwhile_end_with_the_connection(self):
        sent = (await serve(HEAD % ("POST /", 0), answer=(iter(["a\n", "", b"b\n"]), 200, {})))[1]
        self.assertTrue(sent.endswith("\r\n\r\na\nb\n"))
        self.assertNotIn("Content-Length", sent)

    @run_async
    async def test_what_is_no_request_is_not_answered(self):
        for text in (
            "x" * 6000,
            "GET /\r\n\r\n",
            "\r\n\r\n",
            HEAD % ("GET /", "-1"),
            HEAD % ("GET /", "five"),
        ):
            with self.assertRaises(ValueError):
                await serve(text)

    @run_async
    async def test_one_that_goes_in_the_middle_is_gone(self):
        for text in ("", "GET / HT", HEAD % ("POST /", 5) + "hell"):
            with self.assertRaises(EOFError):
                await serve(text)

    @run_async
    async def test_it_is_silent_when_it_is_waited_for_and_not_while_it_is_answered(self):
        seen = []
        wires = Wires()
        client = Client(wires, wires)

        async def read(length):
            since = client._since
            seen.append((client.is_silent(since + 9999), client.is_silent(since + 10000)))
            return (HEAD % ("GET /", 0)).encode()

        async def answer(asked):
            seen.append(client.is_silent(1 << 29))
            return "fine\n", 200, {}

        wires.read = read
        await client.serve(answer)
        self.assertEqual(seen, [(False, True), False])
        await client.close()
        self.assertTrue(wires.is_closed)
