"""`ds18x20`, played: no thermometer is found."""

from onewire import OneWire


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire if isinstance(onewire, OneWire) else OneWire(onewire)
        self.buf = bytearray(9)

    def scan(self):
        return []

    def convert_temp(self):
        self.ow.reset()

    def read_temp(self, rom):
        return 21.5

    def read_scratch(self, rom):
        return self.buf

    def write_scratch(self, rom, buf):
        pass
