"""`neopixel`, played: lights that keep their colours."""

import played


class NeoPixel:
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self._colours = [(0,) * bpp for _ in range(n)]

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        if len(v) < self.bpp:
            raise IndexError
        self._colours[i] = tuple(v[: self.bpp])

    def __getitem__(self, i):
        return self._colours[i]

    def fill(self, v):
        for i in range(self.n):
            self[i] = v

    def write(self):
        played.say("NeoPixel(%s): %s", self.pin, self._colours[:4])
