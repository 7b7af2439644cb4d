"""`aioespnow`, played: nothing is ever received."""

import asyncio

import espnow


class AIOESPNow(espnow.ESPNow):
    async def arecv(self):
        await asyncio.sleep(1 << 20)

    airecv = arecv

    async def asend(self, mac, msg=None, sync=None):
        return self.send(mac, msg)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.airecv()
