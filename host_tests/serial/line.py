"""The serial port of a board that is played here: a TCP socket (`socket://`), or a pseudo-terminal.

One client at a time, as with a real port.  The line can be cut at any byte, and be slow.
"""

import os
import select
import selectors
import socket
import time
import tty

_UNREAD_S = 2.0


class SerialLine:
    """Gives what is typed to `on_typed`, and sends; `selector` watches it.

    port         what a tool is told
    swallows     of each client's bytes the first ones that get lost, as with a UART that wakes up
    sent         all that was sent
    byte_count   sent and received
    is_cut       nothing goes over it, and no connection is made, until `mend`
    """

    def __init__(self, selector, on_typed, is_pty=False, baud=None, swallows=0):
        self._selector = selector
        self._on_typed = on_typed
        self._baud = baud
        self._swallows = swallows
        self._left_to_swallow = 0
        self._listener = None
        self._client = None
        self._master = None
        self._bytes_to_cut = None
        self._is_read = True  # the pseudo-terminal, as far as is known
        self.is_cut = False
        self.sent = b""
        self.byte_count = 0
        if is_pty:
            self._open_pty()
        else:
            self._listen()

    @property
    def has_client(self) -> bool:
        """Whether it is open at the other end, if it is a socket."""
        return self._client is not None

    def cut_after(self, count: int):
        """After `count` more bytes, sent or received, `is_due` tells to `cut`."""
        self._bytes_to_cut = count

    @property
    def is_due(self) -> bool:
        return self._bytes_to_cut == 0 and not self.is_cut

    def cut(self):
        self.is_cut = True
        self.hang_up()

    def mend(self):
        self._bytes_to_cut = None
        self.is_cut = False

    def send(self, block: bytes):
        block = self._carry(block)
        self.sent += block
        try:
            if self._master is not None:
                self._send_pty(self._master, block)
            elif self._client:
                self._client.sendall(block)
        except OSError:
            pass  # the other end is gone

    def _send_pty(self, master: int, block: bytes):
        """All of it, when somebody reads; else what does not fit is lost, as with a port."""
        while block:
            wait_s = _UNREAD_S if self._is_read else 0
            self._is_read = bool(select.select([], [master], [], wait_s)[1])
            if not self._is_read:
                return
            block = block[os.write(master, block) :]

    def hang_up(self):
        """The client, if there is one, loses its connection."""
        if self._client:
            client, self._client = self._client, None  # before the other end can know
            self._selector.unregister(client)
            client.close()
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self):
        self.hang_up()
        if self._listener:
            self._listener.close()
        if self._master is not None:
            os.close(self._master)
            os.close(self._slave)

    def _listen(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _open_pty(self):
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        self._selector.register(self._master, selectors.EVENT_READ, self._receive_pty)

    def _accept(self, listener):
        if self.is_cut:
            listener.accept()[0].close()
        else:
            self._selector.unregister(listener)  # the next client waits until this one has gone
            self._client = listener.accept()[0]
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.settimeout(10)
            self._left_to_swallow = self._swallows
            self._selector.register(self._client, selectors.EVENT_READ, self._receive)

    def _receive(self, client):
        try:
            block = client.recv(4096)
        except OSError:
            block = b""
        if block:
            # pyserial leaves Nagle's algorithm on: it waits for this acknowledgement.
            if hasattr(socket, "TCP_QUICKACK"):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            lost = min(self._left_to_swallow, len(block))
            self._left_to_swallow -= lost
            self._on_typed(self._carry(block[lost:]))
        else:
            self.hang_up()

    def _receive_pty(self, master):
        try:
            block = os.read(master, 4096)
        except OSError:
            return
        self._on_typed(self._carry(block))

    def _carry(self, block):
        """What of `block` still goes over the line; takes the time that it takes."""
        if self._bytes_to_cut is not None:
            block = block[: self._bytes_to_cut]
            self._bytes_to_cut -= len(block)
        self.byte_count += len(block)
        if self._baud:
            time.sleep(len(block) * 10 / self._baud)
        return block
