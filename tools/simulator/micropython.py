"""`micropython` for CPython."""

from collections.abc import Callable
from typing import Any


def const(value: object) -> object:
    return value


def native(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


viper = native


def schedule(function: Callable[[Any], Any], argument: object) -> None:
    function(argument)


def mem_info(verbose: object = None) -> None:
    print("mem: CPython does not tell")


def alloc_emergency_exception_buf(length: int) -> None:
    pass


def opt_level(level: int | None = None) -> int:
    return 0
