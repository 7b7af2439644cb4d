"""Gives an interpreter the modules that a board has and it lacks.  For both interpreters."""

import sys

from tools.simulator import esp32, machine, network


def install() -> None:
    """To be called before anything of `firmware/` is imported."""
    if sys.implementation.name == "cpython":
        from tools.simulator import cpython

        cpython.install()
    sys.modules["network"] = network
    sys.modules["machine"] = machine
    sys.modules["esp32"] = esp32
