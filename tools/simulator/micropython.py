"""`micropython` for CPython."""


def const(value: object) -> object:
    return value
