"""`network` of a board, played on a computer as MicroPython's drivers behave on an ESP32.

The rules are those of `ports/esp32/network_wlan.c` and `network_lan.c`: the driver connects again
by itself unless told not to, `connect()` fails meanwhile, the reason of a failure stays until the
next event, a lost lease leaves `isconnected()` true, `active()` and `scan()` block.
"""

_HOSTNAME_LEN = 32
_MAC = b"\x24\x0a\xc4\x00\x00\x01"
_NO_ADDRESS = "0.0.0.0"
# How long a board's driver takes, in ms.
_ACTIVE_MS = 200
_SCAN_MS = 2000
_LEAVE_MS = 150  # `disconnect()` does not wait for it
_NOT_FOUND_MS = 2400
_DHCP_MS = 300
_BEACONS_MS = 6000  # until a silent access point counts as gone
_CABLE_MS = 2000
_NEGOTIATION_MS = 4000

PHY_LAN8710, PHY_LAN8720, PHY_IP101, PHY_RTL8201, PHY_DP83848, PHY_KSZ8041, PHY_KSZ8081 = range(7)
PHY_KSZ8851SNL, PHY_DM9051, PHY_W5500 = range(100, 103)
ETH_INITIALIZED, ETH_STARTED, ETH_STOPPED, ETH_CONNECTED, ETH_DISCONNECTED, ETH_GOT_IP = range(6)

surroundings = None  # set by what plays the board


class _Interface:
    """An interface with an address: from DHCP, or static."""

    def __init__(self):
        self._static = None
        self._lease = _NO_ADDRESS

    def ipconfig(self, key=None, dhcp4=None, addr4=None, gw4=None):
        self._advance()
        if key == "addr4":
            return (self._static or self._lease, "255.255.255.0")
        if dhcp4:
            self._static = None
        if addr4:
            self._static = surroundings.own_address or addr4[0]
            surroundings.dns = None
        if gw4:
            surroundings.gateway = gw4
        return None

    def ifconfig(self, settings=None):
        """The older way to say and to ask for the same."""
        if settings is None:
            address, netmask = self.ipconfig("addr4")
            gateway = surroundings.gateway or _NO_ADDRESS
            return (address, netmask, gateway, surroundings.dns or _NO_ADDRESS)
        if settings == "dhcp":
            return self.ipconfig(dhcp4=True)
        self.ipconfig(addr4=settings[:2], gw4=settings[2])
        surroundings.dns = settings[3]
        return None


class _Station(_Interface):
    def __init__(self):
        super().__init__()
        self.settings = {"reconnects": -1, "pm": WLAN.PM_PERFORMANCE}
        self._is_active = False
        self._reason = 0
        self._wanted = None  # (ssid, password, bssid)
        self._tries = 0
        self._due = None  # when the present attempt has its result
        self._is_heard = False
        self._joined = None
        self._lease_due = None
        self._leave_due = None
        self._is_connected = False

    def active(self, is_active=None):
        if is_active is None:
            return self._is_active
        is_active = bool(is_active)
        if is_active != self._is_active:
            surroundings.block(_ACTIVE_MS)
            self._is_active = is_active
            if not is_active:
                self._leave(8)
        return is_active

    def config(self, name=None, **settings):
        self.settings.update(settings)
        if name in ("ssid", "essid"):
            return self._joined.ssid.decode() if self._joined else ""
        if name in ("hostname", "dhcp_hostname"):
            return hostname()
        return self.settings.get(name, {"mac": _MAC, "channel": 1}.get(name))

    def scan(self):
        if not self._is_active:
            raise OSError("STA must be active")
        surroundings.block(_SCAN_MS)
        heard = [each for each in surroundings.access_points if each.off_since is None]
        return [
            (b"" if each.is_hidden else each.ssid, each.bssid, 1, each.rssi, 3, False)
            for each in heard
        ]

    def connect(self, ssid, password, bssid=None):
        self._advance()
        if not self._is_active:
            raise OSError("Wifi Not Started")
        if self._due is not None or self._joined:
            raise OSError("Wifi Internal Error")
        surroundings.keep_attempt(ssid)
        self._wanted = (ssid.encode(), password, bssid)
        self._tries = 0
        self._begin()

    def disconnect(self):
        self._wanted = None
        if self._joined or self._due is not None:
            self._leave_due = surroundings.due(_LEAVE_MS)

    def status(self, key=None):
        self._advance()
        if key == "rssi":
            if self._joined is None:
                raise OSError("Wifi Not Connected")
            return self._joined.rssi
        if self._is_connected:
            return 1010
        if self._reason in (201, 202, 210):
            return self._reason
        if self._reason == 8:
            return 1000
        limit = self.settings["reconnects"]
        if self._wanted and (limit < 0 or self._tries <= limit):
            return 1001
        return self._reason or 1000

    def isconnected(self):
        self._advance()
        return self._is_connected

    def lose_lease(self):
        self._lease = _NO_ADDRESS

    def _begin(self):
        self._is_heard = False
        self._due = surroundings.now() + _NOT_FOUND_MS
        self._listen()

    def _listen(self):
        """It listens on every channel for a while; an access point may come up meanwhile."""
        heard = surroundings.hear(self._wanted[0], self._wanted[2])
        if heard and not self._is_heard:
            self._is_heard = True
            self._due = surroundings.due(heard.join_ms)

    def _advance(self):
        now = surroundings.now()
        if self._leave_due is not None:
            if now >= self._leave_due:
                self._leave(8)
            return
        if self._due is not None:
            self._listen()
        if self._due is not None and now >= self._due:
            self._due = None
            self._arrive(now)
        joined = self._joined
        if joined and joined.off_since is not None:
            if now - joined.off_since >= _BEACONS_MS:
                self._fail(200)
        elif self._lease_due is not None and now >= self._lease_due:
            self._lease_due = None
            self._lease = joined.address
            self._is_connected = True
            self._reason = 0

    def _arrive(self, now):
        ssid, password, bssid = self._wanted
        found = surroundings.hear(ssid, bssid)
        if found is None:
            self._fail(201)
        elif bool(found.password) != bool(password):
            self._fail(210)
        elif found.password != password:
            self._fail(202)
        else:
            self._joined = found
            if found.address or self._static:
                self._lease_due = surroundings.due(_DHCP_MS)

    def _fail(self, reason):
        self._leave(reason)
        self._tries += 1
        if self._wanted and not 0 <= self.settings["reconnects"] < self._tries:
            self._begin()

    def _leave(self, reason):
        self._due = self._joined = self._lease_due = self._leave_due = None
        self._is_connected = False
        self._lease = _NO_ADDRESS
        self._reason = reason


class _WLAN:
    """The class `WLAN`: whose one station it gives."""

    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    SEC_OPEN, SEC_WEP, SEC_WPA, SEC_WPA2, SEC_WPA_WPA2, SEC_WPA3 = 0, 1, 2, 3, 4, 6

    def __call__(self, interface=IF_STA):
        if interface == self.IF_AP:
            return _AccessPoint()
        if surroundings.wlan is None:
            surroundings.wlan = _Station()
        return surroundings.wlan


class _AccessPoint:
    """The board's own network, which nobody joins."""

    _settings = {"mac": b"\x24\x0a\xc4\x00\x00\x02", "essid": "ESP_000001", "channel": 1}
    _is_active = [False]

    def active(self, is_active=None):
        if is_active is not None:
            self._is_active[0] = bool(is_active)
        return self._is_active[0]

    def config(self, name=None, **settings):
        self._settings.update(settings)
        return self._settings.get(name)

    def ifconfig(self, settings=None):
        return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")

    def ipconfig(self, key=None, **settings):
        return ("192.168.4.1", "255.255.255.0") if key == "addr4" else None

    def status(self, key=None):
        return [] if key == "stations" else 0

    def isconnected(self):
        return False


WLAN = _WLAN()
STA_IF, AP_IF = WLAN.IF_STA, WLAN.IF_AP
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_WRONG_PASSWORD, STAT_NO_AP_FOUND = 202, 201
AUTH_OPEN, AUTH_WEP, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK, AUTH_WPA3_PSK = (
    0,
    1,
    2,
    3,
    4,
    6,
)


class _Lan(_Interface):
    """The one LAN interface: `LAN()` gives it, and takes its arguments only the first time."""

    def __init__(self, arguments):
        super().__init__()
        self.arguments = arguments
        self._is_active = False
        self._status = ETH_INITIALIZED
        self._due = None

    def active(self, is_active=None):
        if is_active is None:
            return self._is_active
        if is_active != self._is_active:
            surroundings.block(_NEGOTIATION_MS)
            self._is_active = is_active
            self._status = ETH_STARTED if is_active else ETH_STOPPED
        return is_active

    def status(self):
        self._advance()
        return self._status

    def isconnected(self):
        return self._is_active and self.status() == ETH_GOT_IP

    def lose_lease(self):
        self._lease = _NO_ADDRESS

    def _advance(self):
        now = surroundings.now()
        if surroundings.cable is None:
            if self._status in (ETH_CONNECTED, ETH_GOT_IP):
                self._status = ETH_DISCONNECTED
            self._due = None
            self._lease = _NO_ADDRESS
        elif self._status in (ETH_STARTED, ETH_DISCONNECTED):
            if self._due is None:
                self._due = surroundings.due(_CABLE_MS)
            elif now >= self._due:
                self._status = ETH_CONNECTED
                self._due = surroundings.due(_DHCP_MS)
        elif self._status == ETH_CONNECTED and now >= self._due:
            self._status = ETH_GOT_IP
            self._due = None
            self._lease = surroundings.cable


class _HalfMade:
    """What `LAN()` gives in the third try, when two have failed."""

    def ipconfig(self, key=None, **settings):
        raise RuntimeError("Wifi Unknown Error 0x5001")


def LAN(**arguments):
    if surroundings.lan is None:
        for name in ("phy_addr", "phy_type"):
            if name not in arguments:
                raise TypeError("'%s' argument required" % name)
        if surroundings.has_lan_failed:
            surroundings.lan = _HalfMade()
            raise OSError("esp_netif_attach failed")  # only a reset helps
        is_spi = arguments["phy_type"] >= PHY_KSZ8851SNL
        if not is_spi and arguments["phy_addr"] != surroundings.phy_addr:
            surroundings.has_lan_failed = True
            raise OSError("esp_eth_driver_install failed")  # no answer at that address
        surroundings.lan = _Lan(arguments)
    return surroundings.lan


def hostname(name=None):
    if name is None:
        return surroundings.hostname or "mpy-esp32"
    if len(name) > _HOSTNAME_LEN:
        raise ValueError
    surroundings.hostname = name
    return None


def country(code=None):
    if code is None:
        return surroundings.country or "XX"
    if len(code) != 2:
        raise ValueError
    surroundings.country = code
    return None


def ipconfig(key=None, dns=None):
    if dns is not None:
        surroundings.dns = dns
    return surroundings.dns if key == "dns" else None
