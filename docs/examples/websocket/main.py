"""WebSockets: `/echo` sends back what comes, `/chat` sends it to all who are there."""

from microdot import Microdot, send_file
from microdot.websocket import with_websocket

from firmware import run

app = Microdot()
present = []


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/echo")
@with_websocket
async def echo(request, ws):
    while True:
        await ws.send(await ws.receive())


@app.get("/chat")
@with_websocket
async def chat(request, ws):
    present.append(ws)
    try:
        while True:
            text = await ws.receive()
            for each in list(present):
                await tell(each, text)
    finally:
        if ws in present:
            present.remove(ws)


async def tell(ws, text):
    try:
        await ws.send(text)
    except OSError:  # its own handler ends as well
        if ws in present:
            present.remove(ws)


run(app)
