import asyncio
import io
import unittest

from microdot import Microdot
from microdot.microdot import Response

import firmware.pieces as pieces_module
from firmware.encode import ResponseError
from firmware.slots import BUSY
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.sending import Pieces, Sent
from host_tests.unit.sites import GET, App, Site

PACKET_LEN = 1400
EVENT_STREAM = {"Content-Type": "text/event-stream"}


def exhaust(length):
    raise MemoryError


class Refilled:
    """A body that fills one buffer three times."""

    def __init__(self, buffer):
        self._buffer = buffer
        self._count = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self._count == 3:
            raise StopIteration
        self._buffer[:] = b"%d" % self._count * 2
        self._count += 1
        return self._buffer


class TestStreamed(Sent):
    @run_async
    async def test_a_body_of_unknown_length_goes_out_in_chunks(self):
        self.assertTrue(await self.send(Pieces("ab", b"c", bytearray(b"d"), memoryview(b"e"))))
        self.assertIn(b"Transfer-Encoding: chunked", self.fields())
        self.assertEqual(self.body(), b"5\r\nabcde\r\n0\r\n\r\n")

    @run_async
    async def test_a_buffer_that_is_used_again_for_the_next_piece_is_sent_as_it_was(self):
        for is_view in False, True:
            self.sock.sent = b""
            buffer = bytearray(2)
            await self.send(Response(Refilled(memoryview(buffer) if is_view else buffer)))
            self.assertEqual(self.body(), b"6\r\n001122\r\n0\r\n\r\n")

    @run_async
    async def test_a_client_of_1_0_gets_it_up_to_the_close(self):
        self.assertFalse(await self.send(Pieces("ab", "c"), version="1.0"))
        self.assertNotIn(b"Transfer-Encoding", self.sock.sent)
        self.assertEqual(self.body(), b"abc")

    @run_async
    async def test_a_body_whose_length_was_said_goes_out_as_it_is(self):
        for version in ("1.0", "1.1"):
            self.sock.sent = b""
            response = Response(Pieces("ab", "c"), 200, {"Content-Length": "3"})
            self.assertTrue(await self.send(response, version=version))
            self.assertNotIn(b"Transfer-Encoding", self.sock.sent)
            self.assertEqual(self.body(), b"abc")

    @run_async
    async def test_a_body_that_has_not_its_length_ends_the_connection(self):
        packet = b"a" * PACKET_LEN
        for length, sent in ((PACKET_LEN, packet), (PACKET_LEN + 7, packet + b"b")):
            self.sock.sent = b""
            response = Response(Pieces(packet, "b"), 200, {"Content-Length": str(length)})
            with self.assertRaises(EOFError):
                await self.send(response)
            self.assertEqual(self.body(), sent)
            self.assertIn("response body has not the length it said", self.log.lines)

    @run_async
    async def test_one_that_has_not_its_length_is_refused_while_nothing_of_it_has_left(self):
        for length in (0, 2, 4, 999999):
            response = Response(Pieces("ab", "c"), 200, {"Content-Length": str(length)})
            with self.assertRaises(ResponseError):
                await self.send(response)
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))

    @run_async
    async def test_nothing_of_a_body_is_made_for_who_gets_none(self):
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
            self.sock.sent = b""
            body = Pieces("a")
            self.assertTrue(await self.send(Response(body, status), method))
            self.assertEqual((self.body(), body.taken), (b"", 0))

    @run_async
    async def test_an_iterator_without_a_piece_is_an_empty_body(self):
        for body in (iter([]), Pieces(), io.BytesIO(b"")):
            self.sock.sent = b""
            self.assertTrue(await self.send(Response(body)))
            self.assertEqual(self.body(), b"0\r\n\r\n")

    @run_async
    async def test_a_file_is_read_until_it_gives_less_than_was_asked_for(self):
        for length in (1, 1023, 1024, 1025, 3000):
            self.sock.sent = b""
            response = Response(io.BytesIO(b"x" * length), 200, {"Content-Length": str(length)})
            await self.send(response)
            self.assertEqual(len(self.body()), length)

    @run_async
    async def test_a_file_arrives_as_it_is_from_memory_that_is_used_again(self):
        content = bytes(range(256)) * 37
        for size in (100, 1000, 1024, 4000):
            self.sock.sent = b""
            response = Response(io.BytesIO(content), 200, {"Content-Length": str(len(content))})
            response.send_file_buffer_size = size
            await self.send(response)
            self.assertEqual(self.body(), content)

    @run_async
    async def test_a_file_whose_read_is_a_coroutine_is_awaited(self):
        class Remote:
            async def read(self, length):
                return b"x" * 10

        await self.send(Response(Remote()))
        self.assertEqual(self.body(), b"a\r\nxxxxxxxxxx\r\n0\r\n\r\n")

    @run_async
    async def test_an_empty_piece_does_not_end_the_body(self):
        await self.send(Pieces("", "a", b"", "b"))
        self.assertEqual(self.body(), b"2\r\nab\r\n0\r\n\r\n")
        self.sock.sent = b""
        await self.send(Pieces("", ""))
        self.assertEqual(self.body(), b"0\r\n\r\n")

    @run_async
    async def test_a_piece_that_fails_ends_the_body_without_an_end(self):
        for piece in (ValueError("third"), 3, OSError(2)):
            self.sock.sent = b""
            body = Pieces("a" * PACKET_LEN, "b", piece)
            with self.assertRaises(EOFError):
                await self.send(body)
            self.assertEqual(self.body(), b"578\r\n%s\r\n1\r\nb\r\n" % (b"a" * PACKET_LEN))
            self.assertIn("response body failed", self.log.lines.pop())

    @run_async
    async def test_without_memory_for_its_first_packet_it_can_still_be_refused(self):
        encode_size = pieces_module.encode_size
        pieces_module.encode_size = exhaust
        try:
            for body in (Pieces("a"), Pieces("a" * 5000)):
                with self.assertRaises(MemoryError):
                    await self.send(body)
                self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))
        finally:
            pieces_module.encode_size = encode_size

    @run_async
    async def test_nothing_leaves_of_one_that_fails_while_its_first_packet_is_gathered(self):
        running = asyncio.create_task(self.sender.run())
        for piece in (ValueError("third"), 3, OSError(2), MemoryError()):
            with self.assertRaises(ResponseError if piece == 3 else type(piece)):
                await self.send(Pieces("a", "b", piece))
            await turns()
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))
        running.cancel()


class TestEvents(Sent):
    @run_async
    async def test_the_head_of_an_event_stream_leaves_while_its_first_event_is_waited_for(self):
        running = asyncio.create_task(self.sender.run())
        for last in ("event", ValueError("first"), OSError(2, "no such file")):
            self.sock.sent = b""
            gate = asyncio.Event()
            response = Response(Pieces(gate, last), 200, EVENT_STREAM)
            sending = asyncio.create_task(self.send(response))
            await turns()
            self.assertEqual(self.fields()[0], b"HTTP/1.1 200 OK")
            gate.set()
            if last == "event":
                self.assertTrue(await sending)
                self.assertEqual(self.body(), b"5\r\nevent\r\n0\r\n\r\n")
            else:
                with self.assertRaises(EOFError):
                    await sending
                self.assertEqual(self.body(), b"")
                self.assertIn("response body failed", self.log.lines.pop())
        running.cancel()

    @run_async
    async def test_nothing_of_an_event_stream_leaves_that_fails_at_once(self):
        for error in ValueError("first"), OSError(2, "no such file"):
            with self.assertRaises(type(error)):
                await self.send(Response(Pieces(error), 200, EVENT_STREAM))
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))


class TestBreakingOff(unittest.TestCase):
    @run_async
    async def test_a_body_that_raises_cuts_the_connection_without_an_end(self):
        async with App().site() as site:
            peer = site.connect()
            answer = await peer.ask(GET % "/failing") + await peer.read_all()
            self.assertIn("oneone", answer)
            self.assertNotIn("0\r\n\r\n", answer)
            peer.close()

    @run_async
    async def test_nothing_is_added_to_a_response_that_breaks_off(self):
        app = Microdot()

        @app.get("/cancelled")
        async def cancelled(request):
            return BreakingOff(None)

        @app.get("/short")
        async def short(request):
            return BreakingOff(BreakingOff.Huge())

        async with Site(app) as site:
            for path in "/cancelled", "/short":
                peer = site.connect()
                await peer.send(GET % path)
                text = await peer.read_all()
                self.assertTrue(text.endswith("aaa\r\n") or not text)
                peer.close()


class BreakingOff:
    """A streamed body: a packet of "a", then `piece`, or without one its own cancellation."""

    class Huge:
        """A piece that there is no memory for."""

        def __len__(self):
            raise MemoryError

    def __init__(self, piece):
        self._pieces = ["a" * 2000, piece]

    def __aiter__(self):
        return self

    async def __anext__(self):
        piece = self._pieces.pop(0)
        if piece is None:
            raise asyncio.CancelledError
        return piece
