"""Buses with nothing at them: what is sent goes nowhere, and what is read is zeros."""

import played


class I2C:
    """No device answers: as on a board, whatever addresses one raises OSError ENODEV."""

    def __init__(self, id=-1, scl=None, sda=None, freq=400000, timeout=50000):
        self._name = "I2C(%s)" % id

    def init(self, scl=None, sda=None, freq=400000, timeout=50000):
        pass

    def scan(self):
        played.say("%s: scan", self._name)
        return []

    def readfrom(self, addr, nbytes, stop=True):
        return self._fail(addr)

    def readfrom_into(self, addr, buf, stop=True):
        return self._fail(addr)

    def writeto(self, addr, buf, stop=True):
        return self._fail(addr)

    writevto = writeto

    def readfrom_mem(self, addr, memaddr, nbytes, addrsize=8):
        return self._fail(addr)

    def readfrom_mem_into(self, addr, memaddr, buf, addrsize=8):
        return self._fail(addr)

    def writeto_mem(self, addr, memaddr, buf, addrsize=8):
        return self._fail(addr)

    def deinit(self):
        pass

    def _fail(self, address):
        played.say("%s: nothing answers at 0x%02x", self._name, address)
        raise OSError(19, "ENODEV")


class SoftI2C(I2C):
    def __init__(self, scl, sda, freq=400000, timeout=50000):
        super().__init__("soft")

    def start(self):
        pass

    stop = start

    def readinto(self, buf, nack=True):
        pass

    def write(self, buf):
        return 0


class SPI:
    LSB, MSB = 1, 0
    CONTROLLER = 0

    def __init__(self, id, baudrate=1000000, sck=None, mosi=None, miso=None, **settings):
        self._name = "SPI(%s)" % id
        self.number = id
        self.pins = tuple([getattr(pin, "number", None) for pin in (sck, mosi, miso)])

    def init(self, baudrate=1000000, **settings):
        pass

    def deinit(self):
        pass

    def read(self, nbytes, write=0):
        played.say("%s: read %d bytes", self._name, nbytes)
        return bytes(nbytes)

    def readinto(self, buf, write=0):
        self.write_readinto(buf, buf)

    def write(self, buf):
        played.say("%s: write %d bytes", self._name, len(buf))

    def write_readinto(self, write_buf, read_buf):
        played.say("%s: write and read %d bytes", self._name, len(read_buf))
        read_buf[:] = bytes(len(read_buf))


class SoftSPI(SPI):
    def __init__(self, baudrate=500000, sck=None, mosi=None, miso=None, **settings):
        super().__init__("soft", baudrate, sck, mosi, miso)


class UART:
    """Nobody is at the other end."""

    INV_TX, INV_RX, INV_RTS, INV_CTS = 32, 4, 64, 8
    RTS, CTS = 1, 2
    IRQ_RX, IRQ_RXIDLE, IRQ_BREAK = 1, 4096, 128

    def __init__(self, id, *args, **settings):
        self._name = "UART(%d)" % id

    def init(self, *args, **settings):
        pass

    def deinit(self):
        pass

    def any(self):
        return 0

    def read(self, nbytes=None):
        return None

    readline = read

    def readinto(self, buf, nbytes=None):
        return None

    def write(self, buf):
        played.say("%s: write %d bytes", self._name, len(buf))
        return len(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def sendbreak(self):
        pass

    def irq(self, handler=None, trigger=0, hard=False):
        pass


class I2S:
    RX, TX = 0, 1
    MONO, STEREO = 0, 1

    def __init__(self, id, **settings):
        self._name = "I2S(%d)" % id

    def init(self, **settings):
        pass

    def deinit(self):
        pass

    def write(self, buf):
        played.say("%s: write %d bytes", self._name, len(buf))
        return len(buf)

    def readinto(self, buf):
        return len(buf)

    def irq(self, handler):
        pass


class SDCard:
    """No card is in it."""

    def __init__(self, *args, **settings):
        raise OSError(19, "ENODEV")
