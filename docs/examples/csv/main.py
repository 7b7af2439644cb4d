"""Readings as CSV, made while they are sent: however many, they take no memory."""

import asyncio
from time import ticks_ms

from machine import ADC, Pin
from microdot import Microdot, redirect

from firmware import WorkerPool, run

app = Microdot()
pool = WorkerPool()
adc = ADC(Pin(34))
HEADERS = {
    "Content-Type": "text/csv; charset=UTF-8",
    "Content-Disposition": 'attachment; filename="readings.csv"',
}


class Readings:
    """An asynchronous iterator: MicroPython has no asynchronous generators."""

    def __init__(self, count, pause_ms):
        self._left = count
        self._pause_ms = pause_ms
        self._line = "ms,reading\n"

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._left < 0:
            raise StopAsyncIteration
        line, self._line = self._line, None
        if line is None:
            await asyncio.sleep_ms(self._pause_ms)
            line = f"{ticks_ms()},{adc.read_u16()}\n"
        self._left -= 1
        return line


@app.get("/")
async def index(request):
    return redirect("/readings.csv?count=1000")


@app.errorhandler(ValueError)
async def not_a_number(request, error):
    return "count and pause_ms: numbers\n", 400


@app.get("/readings.csv")
@pool.long
async def readings(request):
    count = int(request.args.get("count", 100))
    return Readings(count, int(request.args.get("pause_ms", 10))), 200, HEADERS


run(app, pool)
