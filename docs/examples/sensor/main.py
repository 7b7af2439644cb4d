"""A voltage at pin 34, with a chart that asks for it twice a second."""

from time import ticks_ms

from machine import ADC, Pin
from microdot import Microdot, send_file

from firmware import run

app = Microdot()
adc = ADC(Pin(34), atten=ADC.ATTN_11DB)


def read_mv():
    try:
        return adc.read_uv() // 1000
    except OSError:  # an early ESP32, which was not calibrated: by its range, roughly
        return adc.read_u16() * 3300 // 65535


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/voltage")
async def voltage(request):
    return {"ms": ticks_ms(), "mv": read_mv()}, {"Cache-Control": "no-store"}


run(app)
