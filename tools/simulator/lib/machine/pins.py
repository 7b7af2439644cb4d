"""Pins and what is at them: they keep what they are told."""

import played

_COUNT = 49  # of an ESP32-S3, the most that share a layout


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP, PULL_HOLD = 1, 2, 4
    IRQ_RISING, IRQ_FALLING = 1, 2
    WAKE_LOW, WAKE_HIGH = 4, 5
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3

    _known = {}

    def __new__(cls, id, *args, **settings):
        """The same object for the same pin, as on a board."""
        if isinstance(id, Pin):
            return id
        if isinstance(id, str):  # a name of the board's own
            id = int("".join([each for each in id if each.isdigit()]) or "0")
        if not isinstance(id, int) or not 0 <= id < _COUNT:
            raise ValueError("invalid pin")
        if id not in cls._known:
            cls._known[id] = object.__new__(cls)
            cls._known[id]._begin(id)
        return cls._known[id]

    def __init__(self, id, *args, **settings):
        if args or settings:
            self.init(*args, **settings)

    def _begin(self, number):
        self.number = number
        self._level = 0
        self._mode = self.IN
        self._pull = None
        self._drive = self.DRIVE_2
        self._handler = None

    def init(self, mode=-1, pull=-1, value=None, drive=None, hold=None, alt=None):
        if mode not in (-1, None):
            self._mode = mode
        if pull != -1:
            self._pull = pull
            if pull in (self.PULL_UP, self.PULL_DOWN) and self._mode == self.IN:
                self._level = int(pull == self.PULL_UP)
        if drive is not None:
            self._drive = drive
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return self._level
        self._level = int(bool(level))
        played.say("%s is %d", self, self._level)
        return None

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self._level)

    def mode(self, mode=None):
        if mode is None:
            return self._mode
        self._mode = mode
        return None

    def pull(self, pull=-1):
        if pull == -1:
            return self._pull
        self._pull = pull
        return None

    def drive(self, drive=None):
        if drive is None:
            return self._drive
        self._drive = drive
        return None

    def irq(self, handler=None, trigger=3, wake=None, hard=False, priority=1):
        """Nothing ever happens at a pin: `handler` is kept, and called by the object itself."""
        self._handler = handler
        played.say("%s: irq", self)
        return _Irq(self, handler, trigger)

    def __str__(self):
        return "Pin(%d)" % self.number

    __repr__ = __str__


class _Irq:
    def __init__(self, pin, handler, trigger):
        self._pin = pin
        self._handler = handler
        self._trigger = trigger

    def __call__(self):
        if self._handler:
            self._handler(self._pin)

    def trigger(self, trigger=None):
        before = self._trigger
        if trigger is not None:
            self._trigger = trigger
        return before

    def flags(self):
        return 0


class Signal:
    def __init__(self, pin, *args, invert=False, **settings):
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *args, **settings)
        self._invert = invert

    def value(self, level=None):
        if level is None:
            return self._pin.value() ^ self._invert
        return self._pin.value(bool(level) ^ self._invert)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class ADC:
    """Half of its range, whatever is at the pin."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, pin, sample_ns=0, atten=0):
        self._pin = Pin(pin)
        self._bits = 12

    def init(self, sample_ns=0, atten=0):
        pass

    def atten(self, atten):
        pass

    def width(self, bits):
        self._bits = bits

    def read(self):
        played.say("ADC(%s): read", self._pin)
        return 1 << (self._bits - 1)

    def read_u16(self):
        played.say("ADC(%s): read_u16", self._pin)
        return 1 << 15

    def read_uv(self):
        played.say("ADC(%s): read_uv", self._pin)
        return 1650000

    def deinit(self):
        pass


class ADCBlock:
    def __init__(self, id, bits=12):
        pass

    def init(self, bits=12):
        pass

    def connect(self, *args, **settings):
        return ADC(args[-1])


class DAC:
    def __init__(self, pin):
        self._pin = Pin(pin)

    def write(self, value):
        played.say("DAC(%s): %d", self._pin, value)

    def deinit(self):
        pass


class PWM:
    def __init__(self, dest, freq=5000, duty=None, duty_u16=None, duty_ns=None, invert=False):
        self._pin = Pin(dest)
        self._freq = freq
        self._duty_u16 = 1 << 15
        self.init(freq, duty, duty_u16, duty_ns)

    def init(self, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=False):
        if freq is not None:
            self.freq(freq)
        if duty is not None:
            self.duty(duty)
        if duty_u16 is not None:
            self.duty_u16(duty_u16)
        if duty_ns is not None:
            self.duty_ns(duty_ns)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        if not 1 <= hz <= 40000000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = hz
        played.say("PWM(%s): %d Hz", self._pin, hz)
        return None

    def duty(self, duty=None):
        if duty is None:
            return self._duty_u16 >> 6
        if not 0 <= duty <= 1023:
            raise ValueError("duty must be from 0 to 1023")
        return self.duty_u16(duty << 6)

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty_u16
        if not 0 <= duty <= 65536:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._duty_u16 = duty
        played.say("PWM(%s): duty %d of 65536", self._pin, duty)
        return None

    def duty_ns(self, duty=None):
        if duty is None:
            return self._duty_u16 * 1000000000 // self._freq >> 16
        return self.duty_u16(min(65535, duty * self._freq * 65536 // 1000000000))

    def deinit(self):
        played.say("PWM(%s): deinit", self._pin)


class TouchPad:
    """Not touched."""

    def __init__(self, pin):
        self._pin = Pin(pin)

    def read(self):
        return 1000

    def config(self, threshold):
        pass
