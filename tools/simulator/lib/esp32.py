"""`esp32`, played: a board whose pool of RAM is not told, and settings that last."""

import json

import played

HEAP_DATA, HEAP_EXEC = 4, 1
WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True
_NOT_FOUND = 0x1102  # ESP_ERR_NVS_NOT_FOUND


def idf_heap_info(capabilities):
    """A tuple for each region of the pool: total, free, largest free block, least free ever."""
    return []


def raw_temperature():
    return 110  # °F, of an idle ESP32


def mcu_temperature():
    return 43


def hall_sensor():
    return 0


def wake_on_ext0(pin, level):
    played.say("wake_on_ext0(%s)", pin)


def wake_on_ext1(pins, level):
    played.say("wake_on_ext1")


def wake_on_touch(wake):
    played.say("wake_on_touch(%s)", wake)


def wake_on_ulp(wake):
    played.say("wake_on_ulp(%s)", wake)


def gpio_deep_sleep_hold(enable):
    played.say("gpio_deep_sleep_hold(%s)", enable)


class NVS:
    """Settings in a namespace, which are kept by `commit()`."""

    def __init__(self, namespace):
        self._name = "nvs " + namespace
        self._values = json.loads(played.storage.get(self._name, b"{}"))

    def set_i32(self, key, value):
        self._values[key] = int(value)

    def get_i32(self, key):
        return self._get(key)

    def set_blob(self, key, value):
        octets = value.encode() if isinstance(value, str) else value
        self._values[key] = [octet for octet in bytes(octets)]

    def get_blob(self, key, buffer):
        octets = bytes(self._get(key))
        buffer[: len(octets)] = octets
        return len(octets)

    def erase_key(self, key):
        self._get(key)
        del self._values[key]

    def commit(self):
        played.say("NVS: commit")
        played.remember(self._name, json.dumps(self._values).encode())

    def _get(self, key):
        if key not in self._values:
            raise OSError(-_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        return self._values[key]


class Partition:
    BOOT, RUNNING = 0, 1
    TYPE_APP, TYPE_DATA = 0, 1

    def __init__(self, id, block_size=4096):
        self._label = id if isinstance(id, str) else "factory"

    @classmethod
    def find(cls, type=TYPE_APP, subtype=0xFF, label=None, block_size=4096):
        return []

    def info(self):
        return (self.TYPE_APP, 0, 0x10000, 0x1F0000, self._label, False)

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        pass


class RMT:
    def __init__(self, channel=0, pin=None, clock_div=8, **settings):
        self._pin = pin

    def write_pulses(self, duration, data=True):
        played.say("RMT(%s): pulses", self._pin)

    def loop(self, enable):
        pass

    def wait_done(self, timeout=0):
        return True

    def deinit(self):
        pass
