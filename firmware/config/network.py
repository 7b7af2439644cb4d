"""The network's settings: networks, a static address, the Ethernet chip and its pins."""

from firmware.config.values import (
    ConfigError,
    check_choice,
    check_integer,
    check_names,
    check_text,
    refuse,
)

_MAX_NETWORKS = 5
_MAX_PIN = 54  # of the ESP32-P4, which has the most
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What `network.LAN` knows; the ESP32's own MAC wants an MDC and an MDIO pin, an SPI chip a bus.
MAC_PHYS = (
    "LAN8720",
    "LAN8710",
    "LAN8670",
    "IP101",
    "RTL8201",
    "DP83848",
    "KSZ8041",
    "KSZ8081",
    "GENERIC",
)
SPI_PHYS = ("W5500", "DM9051", "KSZ8851SNL")
# Where the ESP32's MAC has its data lines and its clock (ESP-IDF, RMII).
_RMII_PINS = (19, 21, 22, 25, 26, 27)
_CLOCK_PINS = {"in": (0,), "out": (0, 16, 17)}
_MAC_PINS = ("mdc", "mdio")
_SPI_PINS = ("sck", "mosi", "miso", "cs", "int")
_MAC_NAMES = ("phy_type", "phy_addr", "mdc", "mdio", "power", "reset", "ref_clk", "ref_clk_mode")
_SPI_NAMES = ("phy_type", "phy_addr", "spi", "sck", "mosi", "miso", "cs", "int", "power", "reset")


def check_network(network: dict) -> None:
    """Checks the section, and completes its `ethernet` and `static_ip`."""
    _check_hostname(network["hostname"])
    _check_country(network["country"])
    _check_wifi(network["wifi"])
    if network["static_ip"] is not None:
        network["static_ip"] = _complete_static_ip(network["static_ip"])
    if network["ethernet"] is not None:
        network["ethernet"] = _complete_ethernet(network["ethernet"])


def check_interface(network: dict) -> None:
    """Whether there is enough to bring the interface up; `check` lets a half-written file pass."""
    interface = network["interface"]
    if interface == "auto" and network["static_ip"]:
        refuse("network.static_ip", network["static_ip"], "null with auto: two cannot share it")
    if interface != "wifi" and network["ethernet"] is None:
        raise ConfigError(
            'network.ethernet: null is not allowed with network.interface "%s"; '
            '{"board": "WT32-ETH01"}, another board, or its pins' % interface
        )
    if interface != "ethernet" and not network["wifi"][0].get("ssid"):
        raise ConfigError('network.wifi[0].ssid: "" is not allowed; the name of a network')


def _check_hostname(name: str) -> None:
    """RFC 1123, 2.1: what DHCP servers and name servers take."""
    if name.strip(_LETTERS + _LETTERS.upper() + "0123456789-") or name[0] == "-" or name[-1] == "-":
        refuse("network.hostname", name, "letters, digits and hyphens, none at the ends")


def _check_country(code: str) -> None:
    if code and (len(code) != 2 or code.strip(_LETTERS.upper())):
        refuse("network.country", code, 'two capital letters, or ""')


def _check_wifi(networks: list) -> None:
    if not 1 <= len(networks) <= _MAX_NETWORKS:
        raise ConfigError("network.wifi: %d are not allowed; 1 to 5 networks" % len(networks))
    names = []
    for index, each in enumerate(networks):
        key = "network.wifi[%d]" % index
        check_names(key, each, ("ssid", "password"), "setting")
        ssid = each.get("ssid", "")
        check_text(key + ".ssid", ssid, 0 if index == 0 else 1, 32)
        if ssid in names:
            refuse(key + ".ssid", ssid, "each network once")
        names.append(ssid)
        password = each.get("password", "")
        if not _is_password(password):
            allowed = 'a text of 8 to 63 characters, 64 hexadecimal digits, or ""'
            refuse(key + ".password", password, allowed)


def _is_password(given: "Anything") -> bool:
    """Whether it is a password, none, or a key in its place (ESP-IDF takes it)."""
    if not isinstance(given, str):
        return False
    length = len(given.encode())
    if length == 64:
        return not given.strip("0123456789abcdefABCDEF")
    return not length or 8 <= length <= 63


def _complete_static_ip(given: dict) -> dict:
    """With `dns`, which may be left out: most gateways answer."""
    key = "network.static_ip"
    check_names(key, given, ("address", "netmask", "gateway", "dns"), "setting")
    static_ip = {"dns": given.get("gateway")}
    static_ip.update(given)
    numbers = {}
    for name in ("address", "netmask", "gateway", "dns"):
        numbers[name] = _parse_ipv4("%s.%s" % (key, name), static_ip.get(name))
    netmask = numbers["netmask"]
    hosts = netmask ^ 0xFFFFFFFF
    if hosts & (hosts + 1) or hosts < 3:
        refuse(key + ".netmask", static_ip["netmask"], "like 255.255.255.0")
    for name in ("address", "gateway"):
        if not 0 < numbers[name] & hosts < hosts:
            refuse("%s.%s" % (key, name), static_ip[name], "a host's in the network of the netmask")
    if (numbers["address"] ^ numbers["gateway"]) & netmask:
        refuse(key + ".gateway", static_ip["gateway"], "one in the network of the address")
    if numbers["address"] == numbers["gateway"]:
        refuse(key + ".gateway", static_ip["gateway"], "not the board's own address")
    return static_ip


def _parse_ipv4(key: str, text: object) -> int:
    """The address as a number."""
    octets = text.split(".") if isinstance(text, str) else ()
    number = 0
    for octet in octets:
        is_number = octet and not octet.strip("0123456789") and len(octet) <= 3
        # With a zero in front a DNS server's is octal to the driver.
        if not is_number or int(octet) > 255 or octet != str(int(octet)):
            octets = ()
            break
        number = number * 256 + int(octet)
    if len(octets) != 4:
        refuse(key, text, "an address like 192.168.1.50")
    return number


def _complete_ethernet(given: dict) -> dict:
    """Every argument of `network.LAN`: those of the named board, and in their place those given."""
    key = "network.ethernet"
    arguments = {}
    if "board" in given:
        from firmware.config.ethernet_boards import BOARDS, arguments_of  # never loaded for Wi-Fi

        check_choice(key + ".board", given["board"], sorted(BOARDS))
        arguments.update(arguments_of(given["board"]))
    arguments.update(given)
    arguments.pop("board", None)
    if "phy_type" not in arguments:
        refuse(key, given, 'needs "board", or "phy_type" and the pins')
    check_choice(key + ".phy_type", arguments["phy_type"], MAC_PHYS + SPI_PHYS)
    is_spi = arguments["phy_type"] in SPI_PHYS
    check_names(key, arguments, _SPI_NAMES if is_spi else _MAC_NAMES, "setting")
    for name in _SPI_NAMES if is_spi else _MAC_NAMES:
        arguments.setdefault(name)
    if is_spi and arguments["phy_addr"] is None:
        arguments["phy_addr"] = 0  # an SPI chip has none, but `network.LAN` wants it
    check_integer(key + ".phy_addr", arguments["phy_addr"], 0, 31)
    _check_pins(key, arguments, _SPI_PINS if is_spi else _MAC_PINS)
    if is_spi:
        check_integer(key + ".spi", arguments["spi"], 1, 2)
    else:
        _check_clock(key, arguments["ref_clk"], arguments["ref_clk_mode"])
    return arguments


def _check_clock(key: str, pin: int | None, mode: "Anything") -> None:
    """Both or none: one alone means different things to different versions of ESP-IDF."""
    if pin is None and mode is None:
        return
    check_choice(key + ".ref_clk_mode", mode, ("in", "out"))
    if pin not in _CLOCK_PINS[mode]:
        allowed = " or ".join([str(each) for each in _CLOCK_PINS[mode]])
        refuse(key + ".ref_clk", pin, 'pin %s with ref_clk_mode "%s"' % (allowed, mode))


def _check_pins(key: str, arguments: dict, required: tuple) -> None:
    used: dict = {}
    if required is _MAC_PINS:
        used = {pin: "a data line of the ESP32's MAC" for pin in _RMII_PINS}
    for name in required + ("power", "reset", "ref_clk"):
        pin = arguments.get(name)
        if pin is None and name not in required:
            continue
        check_integer("%s.%s" % (key, name), pin, 0, _MAX_PIN)
        if pin in used:
            refuse("%s.%s" % (key, name), pin, "a pin of its own; that is %s" % used[pin])
        used[pin] = name
