"""A page with a form that switches the LED at pin 2, and back."""

from machine import Pin
from microdot import Microdot, redirect, send_file

from firmware import run

app = Microdot()
led = Pin(2, Pin.OUT, value=0)


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/led")
async def state(request):
    return {"on": bool(led.value())}


@app.post("/led")
async def switch(request):
    wanted = (request.form or {}).get("led")
    if wanted not in ("on", "off"):
        return "led: on or off\n", 400
    led.value(wanted == "on")
    return redirect("/", 303)


run(app)
