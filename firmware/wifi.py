"""Wi-Fi as an interface for `link.Link`: one station that finds its way back.

The driver would reconnect by itself for ever, and `connect()` fails meanwhile (micropython#17661):
so its retries are off and ours are here.  A round tries every known network once, the strongest
first; after a round without success there is a pause, ever longer.  Nothing waits but the driver:
`scan()` and `active()` block until it has done.
"""

import os
import sys
from time import ticks_add, ticks_diff

import network
from micropython import const

from firmware.address import read_address, read_gateway, set_address

# States.
_OFF = const(0)  # the radio is off, or a driver that has failed is to be switched off and on
_PAUSE = const(1)  # between two attempts
_JOINING = const(2)  # an attempt: to be let in, and to get an address
_UP = const(3)  # there is an address

_JOIN_MS = const(5000)  # to be found and accepted, if that is all there is to tell a failure
_ATTEMPT_MS = const(20000)  # and to get an address
_SETTLE_MS = const(200)  # `disconnect()` returns before it has happened
_MIN_PAUSE_MS = const(1000)
_ROUNDS = const(3)  # that fail, and the radio is switched off and on
_MAX_PAUSE_MS = const(60000)
_UNHEARD = const(-999)  # dBm
_IDLE = const(1000)  # of `WLAN.status()`: what is less is the reason of a failure


class WiFi:
    """networks   [{"ssid": …, "password": …}], an empty password for an open network
    static_ip  {"address": …, "netmask": …, "gateway": …, "dns": …}; None: DHCP
    wlan       the station, once it was on: to ask the driver for it before would start it
    """

    wlan: "Anything" = None

    def __init__(
        self,
        networks: list,
        hostname: str,
        country: str,
        power_save: bool,
        static_ip: dict | None,
        log: "Log",
    ) -> None:
        self._networks = networks
        self._hostname = hostname
        self._country = country
        self._power_save = power_save
        self._static_ip = static_ip
        self._log = log
        self._state = _OFF
        self._until: Anything = None  # ticks_ms() when the state is over; None: soon
        self._wlan: Anything = None  # the driver's, once it was on
        self._round: list = []  # what is still to be tried in it: (network, BSSID or None)
        self._ssid = ""  # of the latest attempt
        self._status = 0  # at the beginning of an attempt: may be the reason of the one before
        self._pause_ms = _MIN_PAUSE_MS
        self._rounds = 0  # that have failed since there was an address
        self._is_failing = False

    def poll(self, now: int) -> str | None:
        """The address as text, None without one.  Starts the next attempt when it is due."""
        if self._until is None:
            self._until = now if self._state == _OFF else ticks_add(now, _SETTLE_MS)
        is_over = ticks_diff(now, self._until) >= 0
        try:
            if self._state == _OFF:
                if not is_over:
                    return None
                self._switch_on()
            wlan = self._wlan
            is_leaving = self._state == _PAUSE and not is_over
            address = read_address(wlan) if wlan.isconnected() and not is_leaving else None
            if address:
                self._state = _UP
                self._pause_ms = _MIN_PAUSE_MS
                self._rounds = 0
                return address
            if self._state == _UP:
                self._lose(wlan, now)
            elif self._state == _JOINING:
                self._check(wlan, now)
            elif is_over:
                self._join(wlan, now)
        except (OSError, RuntimeError) as error:  # "Wifi Internal Error" while the driver is busy
            self._is_failing = True
            self._fail(error, now, _OFF)
        return None

    def stop(self) -> None:
        """Switches the radio off; the next `poll()` switches it on again."""
        if self._wlan:
            self._wlan.active(False)
        self._state = _OFF
        self._until = None
        self._round = []

    def reconnect(self) -> None:
        """Leaves the network and joins it again: the TCP stack forgets its connections.

        The driver stays on, which would else look for the network with nothing found so far.
        """
        if self._state >= _JOINING:
            self._wlan.disconnect()
            self._round = []
            self._state = _PAUSE
            self._until = None

    def has_failed(self) -> bool:
        """Whether the driver fails, with what was asked of it last."""
        return self._is_failing

    def gateway(self) -> str | None:
        return read_gateway(self._wlan) if self._wlan else None

    def _switch_on(self) -> None:
        network.hostname(self._hostname)
        if self._country:
            network.country(self._country)
        self._wlan = WiFi.wlan = wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active(False)  # a soft reset leaves the radio as it was
        wlan.active(True)
        wlan.config(reconnects=0)
        wlan.config(pm=network.WLAN.PM_PERFORMANCE if self._power_save else network.WLAN.PM_NONE)
        set_address(wlan, self._static_ip)
        self._state = _PAUSE

    def _lose(self, wlan: "Anything", now: int) -> None:
        if wlan.isconnected():  # the lease is lost; it has the time of an attempt to come back
            self._state = _JOINING
            self._until = ticks_add(now, _ATTEMPT_MS)
            self._warn("the address is lost")
        else:
            self._warn(_explain(wlan.status()))
            self._round = []
            self._state = _PAUSE
            self._until = now
            self._join(wlan, now)

    def _check(self, wlan: "Anything", now: int) -> None:
        failure = self._find_failure(wlan, ticks_diff(self._until, now))
        if failure:
            wlan.disconnect()
            self._fail(failure, now, _PAUSE)

    def _find_failure(self, wlan: "Anything", left_ms: int) -> str:
        """Why the present attempt has failed, "" while it may still succeed.

        The driver keeps the last reason until it has another one, or an address.  So a failure for
        the same reason as the one before shows only by time: no access point has accepted us.
        Without a reason the attempt goes on: a refused password takes seconds, and so does WPA3.
        """
        status = wlan.status()
        if status < _IDLE and status != self._status:
            return _explain(status)
        patience_ms = _JOIN_MS if status < _IDLE else _ATTEMPT_MS
        if left_ms <= _ATTEMPT_MS - patience_ms and not _is_accepted(wlan):
            return _explain(status)
        return "no address from DHCP" if left_ms <= 0 else ""

    def _fail(self, failure: "Anything", now: int, state: int) -> None:
        """Logs a failure, and enters `state` until the next of the round is due, or a new round."""
        self._warn(failure)
        pause_ms = _SETTLE_MS
        if state == _OFF:  # a driver that fails does so for the next of the round, too
            self._round = []
        if not self._round:
            self._rounds += 1
            pause_ms = self._pause_ms
            self._pause_ms = min(_MAX_PAUSE_MS, pause_ms * 2)
            # A driver that finds nothing any more needs it: so the next attempt is soon.
            if state == _PAUSE and self._rounds % _ROUNDS == 0:
                self._wlan.active(False)
                state = _OFF
                pause_ms = _MIN_PAUSE_MS
            # Up to a quarter less, so that boards that lost the same network don't come at once.
            pause_ms -= pause_ms * os.urandom(1)[0] // 1024
            self._log.info("Wi-Fi: again in %d ms", pause_ms)
        self._state = state
        self._until = ticks_add(now, pause_ms)

    def _rank(self, wlan: "Anything") -> list:
        """The known networks, each with its strongest access point, the strongest first; after a
        round without success each with its next, since the strongest may be sick.

        Hidden ones and what is not heard come last: they are tried, too.  The only one known is
        left to the driver to find.
        """
        heard: dict = {}
        if len(self._networks) > 1:
            for found in wlan.scan():
                ssid, bssid, _, rssi = found[:4]
                heard.setdefault(ssid, []).append((rssi, bssid))
        ranked = []
        for index, known in enumerate(self._networks):
            found = heard.get(known["ssid"].encode(), [(_UNHEARD, None)])
            found.sort(reverse=True)
            rssi, bssid = found[self._rounds % len(found)]
            ranked.append((-rssi, index, bssid))
        return [(self._networks[index], bssid) for _, index, bssid in sorted(ranked)]

    def _join(self, wlan: "Anything", now: int) -> None:
        """Begins the next attempt of the round, or a round with a scan."""
        if not self._round:
            self._round = self._rank(wlan)
            if len(self._round) > 1:  # the scan took seconds, which the attempt must not lose
                return
        known, bssid = self._round.pop(0)
        self._ssid = known["ssid"]
        self._log.info("Wi-Fi %s: connecting", self._ssid)
        wlan.connect(self._ssid, known.get("password", ""), bssid=bssid)
        self._is_failing = False
        self._status = wlan.status()
        self._state = _JOINING
        self._until = ticks_add(now, _ATTEMPT_MS)

    def _warn(self, what: "Anything") -> None:
        self._log.warning("Wi-Fi %s: %s", self._ssid, what)


def _is_accepted(wlan: "Anything") -> bool:
    try:
        wlan.status("rssi")
        return True
    except (OSError, RuntimeError):  # "Wifi Not Connected"
        return False


def _explain(status: int) -> str:
    if status >= _IDLE:
        return "no answer"
    try:
        return _look_up(status)
    except MemoryError:
        return "reason %d" % status


def _look_up(reason: int) -> str:
    """Its words, from a module that is in memory no longer than this takes."""
    import firmware.reasons

    try:
        return firmware.reasons.explain(reason)
    finally:
        del sys.modules["firmware.reasons"], firmware.reasons
