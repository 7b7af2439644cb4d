"""What surrounds a simulated board: its time, access points, a cable, and the console."""

import gc
import select
import sys
import time

_LINE_LEN = 32


class AccessPoint:
    """One that can be switched off; `password` "" is an open network."""

    def __init__(self, ssid, password="", rssi=-60, address="192.168.4.2", is_hidden=False):
        self.ssid = ssid.encode()
        self.password = password
        self.rssi = rssi
        self.address = address  # that its DHCP server gives; None: it gives none
        self.is_hidden = is_hidden
        self.join_ms = 800  # until it lets a station in, or refuses its password
        self.bssid = bytes((2, 0, 0, 0, 0, 0))
        self.off_since = None  # ms; None: it is on

    def switch_off(self, now):
        self.off_since = now

    def switch_on(self):
        self.off_since = None


class Surroundings:
    """access_points  that are in reach
    cable    the address that the network at its end gives; None: it is unplugged
    phy_addr where its Ethernet chip answers
    pace     how many times faster than a board's its drivers are
    clock    None: the time is `now_ms`, which the test moves
    own_address  in place of any static address: that of this computer; or None
    """

    def __init__(
        self, access_points=(), cable=None, phy_addr=1, pace=1, clock=None, own_address=None
    ):
        self.access_points = list(access_points)
        for number, each in enumerate(self.access_points):
            each.bssid = bytes((2, 0, 0, 0, 0, number))
        self.cable = cable
        self.phy_addr = phy_addr
        self.own_address = own_address
        self.wlan = None  # the interface, once it was made
        self.lan = None
        self.has_lan_failed = False
        self.now_ms = 0
        self.country = None
        self.hostname = None
        self.dns = None
        self.gateway = None
        self.attempts = []  # (ms, SSID): what the program asked for; kept if the test has the time
        self.on_turn = None  # called whenever a driver is asked for its state
        self._pace = pace
        self._clock = clock

    def now(self):
        """Milliseconds; gives the person at the console a turn."""
        if self.on_turn:
            self.on_turn()
        return self._clock() if self._clock else self.now_ms

    def due(self, delay_ms):
        """When something that takes `delay_ms` on a board will have happened."""
        return (self._clock() if self._clock else self.now_ms) + delay_ms // self._pace

    def block(self, delay_ms):
        """A driver's call that does not return before `delay_ms` have passed."""
        if self._clock:
            time.sleep(delay_ms / self._pace / 1000)
        else:
            self.now_ms += delay_ms

    def keep_attempt(self, ssid):
        if self._clock is None:
            self.attempts.append((self.now_ms, ssid))

    def hear(self, ssid, bssid):
        """The strongest access point of that name, or the one with that BSSID; None."""
        heard = None
        for each in self.access_points:
            if each.off_since is None and each.ssid == ssid and bssid in (None, each.bssid):
                if heard is None or each.rssi > heard.rssi:
                    heard = each
        return heard


class Console:
    """The person at standard input, who moves the surroundings.

    A line `down` takes the access points and the cable away and `up` brings them back, `unplug` and
    `plug` move the cable alone; `quit` is Ctrl-C; `heap` prints the heap in use.  At the end of the
    input everything stays as it is.
    """

    def __init__(self, surroundings):
        self._surroundings = surroundings
        self._cable = surroundings.cable
        self._line = b""
        self._poller = select.poll()
        self._poller.register(sys.stdin, getattr(select, "POLLIN", 1))

    def listen(self):
        """Obeys the next line, if it is there; one a turn, so that the link sees each of them."""
        while self._poller and self._poller.poll(0):
            octet = sys.stdin.buffer.read(1)
            if not octet:
                self._poller = None
            elif octet == b"\n":
                line, self._line = self._line, b""
                self._obey(line.strip())
                return
            elif len(self._line) < _LINE_LEN:
                self._line += octet

    def _obey(self, command):
        if command in (b"down", b"up", b"unplug", b"plug"):
            self._move(command)
        elif command == b"quit":
            raise KeyboardInterrupt
        elif command == b"heap":
            gc.collect()
            print("heap in use:", gc.mem_alloc())
        elif command:
            print("one of: down, up, unplug, plug, quit, heap")

    def _move(self, command):
        around = self._surroundings
        around.cable = None if command in (b"down", b"unplug") else self._cable
        if command == b"down":
            for each in around.access_points:
                each.switch_off(-1000000)  # noticed at once
        elif command == b"up":
            for each in around.access_points:
                each.switch_on()
        elif not around.lan:
            print("no cable: network.interface is wifi")
