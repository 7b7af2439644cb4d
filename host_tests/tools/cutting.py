"""A line to a board that is cut after so many bytes."""

import select
import socket
import threading

_TURN_S = 0.02


class CutLine:
    """Passes connections on to `host`, a host with its port.

    host      where it listens itself
    count     bytes that went through, both ways
    is_cut    it was cut, and passes nothing on any more
    on_cut    called just before
    """

    def __init__(self, host, cut_after=None, on_cut=lambda: None):
        name, _, port = host.partition(":")
        self._target = (name, int(port))
        self._left = cut_after
        self._on_cut = on_cut
        self.count = 0
        self.is_cut = False
        self._has_ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._has_ended = True
        self._thread.join(10)
        self._listener.close()

    def _run(self):
        others: dict = {}
        while not self._has_ended:
            for each in select.select([self._listener, *others], [], [], _TURN_S)[0]:
                if each is self._listener:
                    self._accept(others)
                elif each in others:
                    self._pass(each, others)
        for each in others:
            each.close()

    def _accept(self, others):
        client = self._listener.accept()[0]
        try:
            board = socket.create_connection(self._target, 5)
        except OSError:
            client.close()
            return
        others[client], others[board] = board, client

    def _pass(self, source, others):
        try:
            block = b"" if self.is_cut else source.recv(4096)
            if self._left is not None and self.count + len(block) >= self._left:
                block = block[: self._left - self.count]
            others[source].sendall(block)
            self.count += len(block)
        except OSError:
            block = b""
        if self._left is not None and self.count >= self._left and not self.is_cut:
            self.is_cut = True
            self._on_cut()
        if not block or self.is_cut:
            target = others.pop(source)
            others.pop(target, None)
            source.close()
            target.close()
