"""The least `network` that httpd32 runs with: a Wi-Fi that is there at once and stays."""


class WLAN:
    IF_STA = 0
    PM_NONE = 0

    def __init__(self, interface):
        self._has_joined = False

    def active(self, is_active):
        pass

    def config(self, **settings):
        pass

    def connect(self, ssid, password):
        self._has_joined = True

    def disconnect(self):
        self._has_joined = False

    def isconnected(self):
        return self._has_joined

    def ipconfig(self, name):
        return ("127.0.0.1", "255.0.0.0")


def hostname(name):
    pass


def country(code):
    pass
