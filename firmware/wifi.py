"""Wi-Fi as an interface for `link.Link`: one station, its networks tried in turn.

The driver would reconnect by itself for ever, and `connect()` fails meanwhile (micropython#17661):
so its retries are off and ours are here.  Nothing waits: `poll()` acts and returns.
"""

from time import ticks_add, ticks_diff

import network
from micropython import const

_ATTEMPT_MS = const(10000)
_NO_ADDRESS = "0.0.0.0"


class WiFi:
    """networks: [{"ssid": …, "password": …}], an empty password for an open network."""

    def __init__(self, networks: list, hostname: str, country: str, power_save: bool, log):
        self._networks = networks
        self._hostname = hostname
        self._country = country
        self._power_save = power_save
        self._log = log
        self._wlan: network.WLAN | None = None
        self._next = 0
        self._retry_at: int | None = None

    def poll(self, now: int):
        """The address as text, None without one.  Starts the next attempt when it is due."""
        wlan = self._wlan or self._activate()
        if wlan.isconnected():
            address = wlan.ipconfig("addr4")[0]
            # A lost lease is not reported: the address is just gone.
            if address != _NO_ADDRESS:
                self._retry_at = None
                return address
        elif self._retry_at is None or ticks_diff(now, self._retry_at) >= 0:
            self._retry_at = ticks_add(now, _ATTEMPT_MS)
            self._connect(wlan)
        return None

    def _activate(self):
        network.hostname(self._hostname)
        if self._country:
            network.country(self._country)
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active(True)
        wlan.config(reconnects=0)
        if not self._power_save:
            wlan.config(pm=network.WLAN.PM_NONE)
        self._wlan = wlan
        return wlan

    def _connect(self, wlan):
        known = self._networks[self._next]
        # If this attempt runs out, it is the next one's turn; a link that was up begins with it.
        self._next = (self._next + 1) % len(self._networks)
        self._log.info("connecting to %s", known["ssid"])
        try:
            wlan.disconnect()
            wlan.connect(known["ssid"], known.get("password", ""))
        except OSError as error:
            self._log.warning("connecting to %s failed: %r", known["ssid"], error)
