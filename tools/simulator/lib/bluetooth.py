"""`bluetooth`, played: a radio that hears nobody."""

import played

FLAG_READ, FLAG_WRITE_NO_RESPONSE, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE = 2, 4, 8, 16, 32


class UUID:
    def __init__(self, value):
        self._value = value

    def __str__(self):
        return "UUID(%s)" % self._value


class BLE:
    def __init__(self):
        self._is_active = False

    def active(self, active=None):
        if active is None:
            return self._is_active
        self._is_active = bool(active)
        played.say("BLE: active(%s)", active)
        return self._is_active

    def config(self, name=None, **settings):
        return (0, b"\x24\x0a\xc4\x00\x00\x03") if name == "mac" else None

    def irq(self, handler):
        pass

    def gap_advertise(self, interval_us, adv_data=None, **settings):
        played.say("BLE: advertise")

    def gap_scan(self, duration_ms, *args):
        played.say("BLE: scan")

    def gap_connect(self, *args):
        raise OSError(116, "ETIMEDOUT")

    def gap_disconnect(self, conn_handle):
        return False

    def gatts_register_services(self, services):
        handles = iter(range(1, 1 << 16))
        return tuple([tuple([next(handles) for _ in service[1]]) for service in services])

    def gatts_read(self, value_handle):
        return b""

    def gatts_write(self, value_handle, data, send_update=False):
        pass

    def gatts_notify(self, conn_handle, value_handle, data=None):
        pass

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        pass

    def gatts_set_buffer(self, value_handle, len, append=False):
        pass
