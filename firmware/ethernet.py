"""Ethernet as an interface for `link.Link`: the chip's own MAC with a PHY, or a chip on SPI.

The driver follows the cable and renews the lease by itself; here it is started, and asked.
"""

import machine
import network
from machine import SPI, Pin

from firmware.address import read_address, read_gateway, set_address

_PIN_NAMES = ("mdc", "mdio", "power", "reset", "ref_clk", "cs", "int")


class Ethernet:
    """arguments  those of `network.LAN`, by name, as `config.network` completes them; an SPI chip's
               with the bus as numbers: `spi`, `sck`, `mosi`, `miso`
    static_ip  {"address": …, "netmask": …, "gateway": …, "dns": …}; None: DHCP
    """

    def __init__(self, arguments: dict, hostname: str, static_ip: dict | None, log: "Log") -> None:
        self._arguments = arguments
        self._hostname = hostname
        self._static_ip = static_ip
        self._log = log
        self._lan: Anything = None
        self._has_started = False
        self._is_plugged = False
        self._is_off = False  # it has been, and could not be started again

    def poll(self, now: int) -> str | None:
        """The address as text, None without one."""
        if not self._has_started:
            self._has_started = True
            self._start()
        if self._lan is None:
            return None
        if self._is_off:
            self.stop()
        self._follow_cable(self._lan.status())
        # Without a cable DHCP's address goes by itself; a static one stays.
        is_up = self._is_plugged or self._static_ip is None
        return read_address(self._lan) if is_up else None

    def gateway(self) -> str | None:
        return read_gateway(self._lan) if self._lan else None

    def has_failed(self) -> bool:
        """Whether the driver does not start: a PHY may have been late when power came."""
        return self._has_started and self._lan is None

    def stop(self) -> None:
        """Connects again."""
        if self._lan:
            self._is_off = True
            self._lan.active(False)
            self._lan.active(True)
            self._is_off = False

    reconnect = stop

    def _start(self) -> None:
        """Starts the driver.  There is one attempt: what a `network.LAN` that fails has made stays
        until a reset, so that no later one can succeed (network_lan.c, micropython#11959).
        """
        is_soft_reset = machine.reset_cause() == machine.SOFT_RESET
        if "spi" in self._arguments and is_soft_reset and _has_lan():
            # MicroPython takes the chip's interrupt away (micropython#16732).
            self._log.error("Ethernet on SPI is dead after a soft reset; reset the board")
        try:
            network.hostname(self._hostname)
            lan = network.LAN(**self._make_arguments())
            set_address(lan, self._static_ip)
            lan.active(True)  # up to 4 s
            self._lan = lan
            self._log.info("Ethernet has started")
        except (OSError, RuntimeError, ValueError, AttributeError) as error:
            self._log.error(
                "Ethernet does not start: %s; put network.ethernet right, then reset the board",
                error,
            )

    def _make_arguments(self) -> dict:
        """What `network.LAN` takes, from what the configuration says."""
        settings = self._arguments
        # An image without the chip's driver has no such name: an AttributeError.
        arguments = {
            "phy_type": getattr(network, "PHY_" + settings["phy_type"]),
            "phy_addr": settings["phy_addr"],
        }
        for name in _PIN_NAMES:
            if settings.get(name) is not None:
                arguments[name] = Pin(settings[name])
        if settings.get("ref_clk_mode"):
            arguments["ref_clk_mode"] = Pin.OUT if settings["ref_clk_mode"] == "out" else Pin.IN
        if "spi" in settings:
            sck, mosi, miso = [Pin(settings[name]) for name in ("sck", "mosi", "miso")]
            arguments["spi"] = SPI(settings["spi"], sck=sck, mosi=mosi, miso=miso)
        return arguments

    def _follow_cable(self, status: int) -> None:
        """Until 1.28 events of Wi-Fi show up as ETH_STARTED and ETH_STOPPED: they say nothing."""
        is_plugged = self._is_plugged
        if status == network.ETH_CONNECTED or status == network.ETH_GOT_IP:
            is_plugged = True
        elif status == network.ETH_DISCONNECTED:
            is_plugged = False
        if is_plugged != self._is_plugged:
            self._is_plugged = is_plugged
            self._log.info("Ethernet cable is %splugged in", "" if is_plugged else "not ")


def _has_lan() -> bool:
    """Whether a run before the soft reset has made the interface: then it takes no arguments."""
    try:
        return bool(network.LAN())  # type: ignore[call-arg]  # the stubs want some
    except (TypeError, AttributeError):
        return False
