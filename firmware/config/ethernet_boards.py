"""The Ethernet of boards whose pins are published: every argument of `network.LAN`, by name.

Where the pins come from: MicroPython's docs/esp32/quickref.rst
(WT32-ETH01, Olimex, Espressif); the variants of arduino-esp32 (WT32-ETH01, Olimex, wESP32);
LilyGO-T-ETH-Series utilities.h (LilyGO); Xorlent/PoESP32-SNMP-Environmental-Monitor (M5Stack
PoESP32); esphome/bluetooth-proxies (GL-S10, XIAO); esphome-devices (KinCony); WLED network.cpp
(wESP32 rev 5, QuinLED, Gledopto); adafruit/circuitpython#9884, from the schematic (Waveshare);
ESPEasy's table of SPI Ethernet (ETH01-EVO, M5Stack LAN base); EMS-ESP (ESP32-EVB).
"""

_MAC_NAMES = ("phy_type", "phy_addr", "mdc", "mdio", "power", "reset", "ref_clk", "ref_clk_mode")
_SPI_NAMES = ("phy_type", "phy_addr", "spi", "sck", "mosi", "miso", "cs", "int", "reset")

BOARDS = {
    # As _MAC_NAMES; `power` is the oscillator's on some.
    "WT32-ETH01": ("LAN8720", 1, 23, 18, 16, None, 0, "in"),
    "WT32-ETH01 without GPIO16": ("LAN8720", 1, 23, 18, None, None, 0, "in"),
    "Olimex ESP32-POE": ("LAN8720", 0, 23, 18, 12, None, 17, "out"),
    "Olimex ESP32-POE-ISO": ("LAN8720", 0, 23, 18, 12, None, 17, "out"),
    "Olimex ESP32-POE WROVER": ("LAN8720", 0, 23, 18, 12, None, 0, "out"),
    "Olimex ESP32-GATEWAY": ("LAN8720", 0, 23, 18, 5, None, 17, "out"),
    "Olimex ESP32-EVB": ("LAN8710", 0, 23, 18, None, None, 0, "in"),
    "Espressif ESP32-Ethernet-Kit": ("IP101", 1, 23, 18, 5, None, 0, "in"),
    "LilyGO T-ETH-Lite": ("RTL8201", 0, 23, 18, 12, None, 0, "in"),
    "LilyGO T-Internet-POE": ("LAN8720", 0, 23, 18, None, 5, 17, "out"),
    "LilyGO T-POE-Pro": ("LAN8720", 0, 23, 18, None, 5, 0, "out"),
    "LilyGO T-Internet-COM": ("LAN8720", 0, 23, 18, None, 4, 0, "out"),
    "M5Stack PoESP32": ("IP101", 1, 23, 18, 5, None, 0, "in"),
    "GL.iNet GL-S10": ("IP101", 1, 23, 18, 5, None, 0, "in"),
    "Silicognition wESP32": ("RTL8201", 0, 16, 17, None, None, 0, "in"),
    "Silicognition wESP32 rev 5": ("LAN8720", 0, 16, 17, None, None, 0, "in"),
    "KinCony KC868-A16": ("LAN8720", 0, 23, 18, None, None, 17, "out"),
    "QuinLED-ESP32-Ethernet": ("LAN8720", 0, 23, 18, 5, None, 17, "out"),
    "Gledopto with Ethernet": ("LAN8720", 1, 23, 33, 5, None, 0, "in"),
    # As _SPI_NAMES.
    "LilyGO T-ETH-Lite-S3": ("W5500", 0, 1, 10, 12, 11, 9, 13, 14),
    "LilyGO T-ETH-ELite-S3": ("W5500", 0, 1, 48, 21, 47, 45, 14, None),
    "Waveshare ESP32-S3-ETH": ("W5500", 0, 1, 13, 11, 12, 14, 10, 9),
    "Seeed XIAO ESP32-S3 with W5500": ("W5500", 0, 1, 7, 9, 8, 2, 10, None),
    "ETH01-EVO": ("DM9051", 0, 1, 7, 10, 3, 9, 8, 6),
    "M5Stack LAN base": ("W5500", 0, 1, 18, 23, 19, 26, 34, 13),
}


def arguments_of(board: str) -> dict:
    """Every argument of `network.LAN` for a board of `BOARDS`; None: it has no such pin."""
    values = BOARDS[board]
    names = _MAC_NAMES if len(values) == len(_MAC_NAMES) else _SPI_NAMES
    return dict(zip(names, values))
