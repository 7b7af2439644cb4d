"""A voltage at pin 34, with a chart that asks for it twice a second."""

from time import ticks_ms

from machine import ADC, Pin
from microdot import Microdot, send_file

from firmware import run

app = Microdot()
adc = ADC(Pin(34), atten=ADC.ATTN_11DB)


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/voltage")
async def voltage(request):
    return {"ms": ticks_ms(), "mv": adc.read_uv() // 1000}, {"Cache-Control": "no-store"}


run(app)
