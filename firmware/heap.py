"""How large the Python heap is to be; loaded as a start begins.

The policy for what comes later is that of `memory.py`.
"""

import gc

from esp32 import HEAP_DATA, idf_heap_info
from micropython import const

_INTERNAL_LEN = const(0x100000)  # as that of `radio.py`, which is not to be loaded yet
_START_LEN = const(44544)  # what Wi-Fi's driver, the TCP stack and the sockets take as they start
_WORD_LEN = const(4)


def grow(left_len: int, read_pool: "Function" = idf_heap_info) -> list:
    """Makes the heap as large as it is to be, at once; to be called before anything else is loaded.

    left_len  bytes of the pool that are to be free when the server has started
    Returns what keeps the part that was added from going back to the pool.

    One allocation that is larger than the heap adds a part of its own size.  When nothing but many
    small ones make it grow, it doubles, or takes the largest free block of the pool; and after that
    no part of the right size can be added.
    """
    gc.collect()  # an empty part that was added before goes back
    few = [None] * 16  # one block alone would not keep the part (py/gc.c, last_used_block)
    try:
        added = [None] * (growth_len(read_pool(HEAP_DATA), left_len) // _WORD_LEN)
    except MemoryError:  # the pool is in pieces
        return []
    added.clear()
    added.extend(few)
    return added


def growth_len(regions: list, left_len: int) -> int:
    """Bytes by which the heap is to grow at the start: nothing, where it is not the radio's."""
    free = 0
    for region in regions:
        if region[0] >= _INTERNAL_LEN:
            return 0
        free += region[1]
    return max(0, free - _START_LEN - left_len)
