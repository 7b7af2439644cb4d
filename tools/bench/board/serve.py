"""Starts one of the servers.  Arguments: its module, `probe` or not, and what the module takes."""

import asyncio
import gc
import sys

if "probe" in sys.argv:
    # What asyncio takes is not the probe's: the servers need it too.
    asyncio.StreamReader, asyncio.create_task, asyncio.start_server  # noqa: B018
    gc.collect()
    before = gc.mem_alloc()
    import probe

    probe.start(before)
__import__(sys.argv[1])
