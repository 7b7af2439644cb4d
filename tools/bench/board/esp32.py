"""A board's `esp32`, as little as the firmware needs of it: a pool that is not told."""

HEAP_DATA = 4


def idf_heap_info(capabilities):
    return []
