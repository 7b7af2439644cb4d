"""The least `network` that httpd32 runs with: a Wi-Fi that is there at once and stays."""


class WLAN:
    IF_STA = 0
    PM_NONE = 0
    PM_PERFORMANCE = 1

    def __init__(self, interface):
        self._has_joined = False

    def active(self, is_active):
        pass

    def config(self, **settings):
        pass

    def connect(self, ssid, password, bssid=None):
        self._has_joined = True

    def disconnect(self):
        self._has_joined = False

    def isconnected(self):
        return self._has_joined

    def status(self, name=None):
        return 1010 if self._has_joined else 1000  # STAT_GOT_IP, STAT_IDLE

    def ipconfig(self, name=None, **settings):
        return ("127.0.0.1", "255.0.0.0")


def hostname(name):
    pass


def country(code):
    pass


def ipconfig(**settings):
    pass
