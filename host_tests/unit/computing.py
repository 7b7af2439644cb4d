"""Handlers that compute, and what they return."""

import _thread
import asyncio


class Calculation:
    """A plain handler that begins, and goes on when the test lets it."""

    def __init__(self, result="done"):
        self.begun = 0
        self.ended = 0
        self.seen = []  # what it asked on its way
        self._result = result
        self._gate = _thread.allocate_lock()
        self._gate.acquire()

    def run(self, request=None):
        self.begun += 1
        self._gate.acquire()
        self.ended += 1
        return self._result

    def let_go(self):
        self._gate.release()


class Steps:
    """An iterator of two pieces, that notes the threads it runs on."""

    def __init__(self):
        self.idents = []
        self.is_closed = False

    def __iter__(self):
        return self

    def __next__(self):
        self.idents.append(_thread.get_ident())
        if len(self.idents) == 3:
            raise StopIteration
        return "step"

    def close(self):
        self.idents.append(_thread.get_ident())
        self.is_closed = True


class Patient:
    """An iterator whose first step goes on when the test lets it."""

    def __init__(self, calculation):
        self._calculation = calculation
        self.is_closed = False
        self.is_running = False

    def __next__(self):
        self.is_running = True
        self._calculation.run()
        self.is_running = False
        return "step"

    def close(self):
        assert not self.is_running
        self.is_closed = True


def ident(request=None):
    return _thread.get_ident()


def fail(request):
    raise ValueError("deep down")


def exhaust(request):
    raise MemoryError


def recurse(request):
    return recurse(request)


async def ends(thread):
    """Returns when a thread that was left is free again."""
    while not thread.take("/probe", False):
        await asyncio.sleep(0)
    thread.leave(0)
