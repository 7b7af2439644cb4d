"""`machine` of an ESP32, played: its names and arguments, and no hardware behind them.

The parts that few applications use are loaded when they are asked for.
"""

import sys
import time

import played

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
PIN_WAKE, EXT0_WAKE, EXT1_WAKE, TIMER_WAKE, TOUCHPAD_WAKE, ULP_WAKE = 1, 2, 3, 4, 5, 6
SLEEP, DEEPSLEEP = 2, 4

# Where a name is that is not here.
_PARTS = {
    "Pin": "pins",
    "Signal": "pins",
    "ADC": "pins",
    "ADCBlock": "pins",
    "DAC": "pins",
    "PWM": "pins",
    "TouchPad": "pins",
    "I2C": "buses",
    "SoftI2C": "buses",
    "I2S": "buses",
    "SPI": "buses",
    "SoftSPI": "buses",
    "UART": "buses",
    "SDCard": "buses",
    "Timer": "clocks",
    "RTC": "clocks",
    "WDT": "clocks",
}
_HERE = (
    "PWRON_RESET HARD_RESET WDT_RESET DEEPSLEEP_RESET SOFT_RESET reset soft_reset reset_cause "
    "wake_reason deepsleep lightsleep sleep idle unique_id freq disable_irq enable_irq bitstream "
    "time_pulse_us mem8 mem16 mem32"
)
__all__ = _HERE.split() + list(_PARTS)
_frequency = [160000000]


def __getattr__(name):
    if name not in _PARTS:
        raise AttributeError(name)
    part = "machine." + _PARTS[name]
    __import__(part)
    return getattr(sys.modules[part], name)


def reset():
    played.say("reset()")
    played.restart(HARD_RESET)


def soft_reset():
    played.say("soft_reset()")
    played.restart(SOFT_RESET)


def reset_cause():
    return played.reset_cause


def wake_reason():
    return TIMER_WAKE if played.reset_cause == DEEPSLEEP_RESET else 0


def deepsleep(time_ms=0):
    """Forever without a time, as on a board that nothing else wakes."""
    played.say("deepsleep(%s)", time_ms or "")
    while not time_ms:
        time.sleep(1)
    time.sleep(time_ms / 1000)
    played.restart(DEEPSLEEP_RESET)


def lightsleep(time_ms=0):
    played.say("lightsleep(%s)", time_ms or "")
    time.sleep(time_ms / 1000)


sleep = lightsleep


def idle():
    if played.turn:
        played.turn()


def unique_id():
    return b"\x24\x0a\xc4\x00\x00\x01"


def freq(hz=None):
    if hz is None:
        return _frequency[0]
    if hz not in (20000000, 40000000, 80000000, 160000000, 240000000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency[0] = hz
    played.say("freq(%d)", hz)
    return None


def disable_irq():
    return 0


def enable_irq(state=0):
    pass


def bitstream(pin, encoding, timing, data):
    played.say("bitstream(%s): %d bytes", pin, len(data))


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    """No pulse ever comes."""
    return -2


def bootloader(timeout=0):
    raise NotImplementedError


def dht_readinto(pin, data):
    """A sensor that answers: 45.0 % and 21.5 °C, as a DHT22 writes them."""
    data[:] = b"\x01\xc2\x00\xd7\x9a"


class _Memory:
    """mem8 and its like: registers that hold what was written."""

    def __init__(self):
        self._cells = {}

    def __getitem__(self, address):
        return self._cells.get(address, 0)

    def __setitem__(self, address, value):
        self._cells[address] = value


mem8, mem16, mem32 = _Memory(), _Memory(), _Memory()
