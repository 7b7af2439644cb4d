"""The IPv4 address of a network interface: to be set, and to be asked for."""

import network


def set_address(nic: "Anything", static_ip: dict | None) -> None:
    """Gives an interface its static address, or DHCP: a soft reset leaves the one it had.

    static_ip  {"address": …, "netmask": …, "gateway": …, "dns": …}; None: DHCP
    """
    if static_ip is None:
        nic.ipconfig(dhcp4=True)
        return
    nic.ipconfig(addr4=(static_ip["address"], static_ip["netmask"]), gw4=static_ip["gateway"])
    network.ipconfig(dns=static_ip["dns"])  # after the address, which clears it


def read_gateway(nic: "Anything") -> str | None:
    """The gateway's address as text, None without one."""
    address = nic.ipconfig("gw4")
    return None if address == "0.0.0.0" else address


def read_address(nic: "Anything") -> str | None:
    """The address as text, None without one: nothing else tells of a lost lease."""
    address = nic.ipconfig("addr4")[0]
    return None if address == "0.0.0.0" else address
