"""Something that goes on beside the server: a LED that blinks as often as a request asks for."""

import asyncio

from machine import Pin
from microdot import Microdot

from firmware import run

app = Microdot()
led = Pin(2, Pin.OUT)
state = {"period_ms": 500, "blinks": 0}


async def blink():
    while True:
        led.toggle()
        state["blinks"] += 1
        await asyncio.sleep_ms(state["period_ms"])


async def start(address):
    """Runs from the first link on; it begins anew with each."""
    await blink()


@app.get("/")
async def read(request):
    return state


@app.put("/period/<int:period_ms>")
async def write(request, period_ms):
    state["period_ms"] = max(10, period_ms)
    return state


run(app, on_connect=start)
