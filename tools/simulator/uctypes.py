"""MicroPython's module `uctypes`, as far as it tells a plain function from an `async def`."""

import ctypes
import inspect

ARRAY = 0
ULONG = 0


class struct:  # noqa: N801
    """The first two words of a function: on MicroPython the two kinds differ in type."""

    def __init__(self, address: int, layout: dict) -> None:
        function = ctypes.cast(address, ctypes.py_object).value
        is_plain = not inspect.iscoroutinefunction(function)
        self.value = (id(type(inspect.cleandoc)) if is_plain else 0, 0)
