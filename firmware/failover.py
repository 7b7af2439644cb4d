"""Ethernet first, Wi-Fi as the fallback: two interfaces as one, for `link.Link`.

Pure: it polls both interfaces, which are handed in, at the time that is handed in.  Only one is on
at a time: ESP-IDF would prefer the route over Wi-Fi (its priority is 100, that of Ethernet 50).
"""

from time import ticks_diff

from micropython import const

# A driver takes up to 4 s to start, a cable a moment to be noticed and to get an address.
_PATIENCE_MS = const(12000)
# Ethernet that comes back must have held its address for this long before Wi-Fi is given up.
_HOLD_OFF_MS = const(10000)


class Failover:
    """ethernet, wifi  interfaces: `poll(now)` gives the address as text, None without; `stop()`
    disconnects them, and Wi-Fi stays off until it is polled again; `has_failed()` tells of drivers
    """

    def __init__(self, ethernet: "Ethernet", wifi: "WiFi", log: "Log") -> None:
        self._ethernet = ethernet
        self._wifi = wifi
        self._log = log
        self._is_on_wifi = False
        self._polled: str | None = None  # Ethernet's address
        self._since: int | None = None  # since when; None before the first poll

    def poll(self, now: int) -> str | None:
        """The address of the interface in use, None without one."""
        address = self._ethernet.poll(now)
        if self._since is None or address != self._polled:
            self._since = now
            self._polled = address
        held_ms = ticks_diff(now, self._since)
        if not self._is_on_wifi:
            if address or held_ms < _PATIENCE_MS:
                return address
            self._is_on_wifi = True
            self._log.warning("Ethernet has no address; falling back to Wi-Fi")
        wifi_address = self._wifi.poll(now)
        if address and (held_ms >= _HOLD_OFF_MS or not wifi_address):
            self._is_on_wifi = False
            self._log.info("Ethernet is back")
            self._wifi.stop()
            return address
        return wifi_address

    def has_failed(self) -> bool:
        """Whether the drivers of both fail."""
        return self._ethernet.has_failed() and self._wifi.has_failed()

    def gateway(self) -> str | None:
        """Of the interface in use."""
        return self._in_use().gateway()

    def stop(self) -> None:
        """Connects the interface in use again."""
        self._in_use().stop()

    def reconnect(self) -> None:
        """Frees what the TCP stack has taken for its connections."""
        self._in_use().reconnect()

    def _in_use(self) -> "Anything":
        return self._wifi if self._is_on_wifi else self._ethernet
