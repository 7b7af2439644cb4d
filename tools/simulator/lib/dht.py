"""`dht`, played: a room at 21.5 °C and 45 %."""

import played


class DHTBase:
    def __init__(self, pin):
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self):
        played.say("DHT(%s): measure", self.pin)


class DHT11(DHTBase):
    def humidity(self):
        return 45

    def temperature(self):
        return 21


class DHT22(DHTBase):
    def humidity(self):
        return 45.0

    def temperature(self):
        return 21.5
