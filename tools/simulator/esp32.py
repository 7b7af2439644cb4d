"""MicroPython's module `esp32`: a board whose pool is not told."""

HEAP_DATA = 4


def idf_heap_info(capabilities: int) -> list:
    """A tuple for each region of the pool: total, free, largest free block, least free ever."""
    return []
