"""`esp32` of a board that does not tell of its pool."""

HEAP_DATA = 4


def idf_heap_info(capabilities):
    return []
