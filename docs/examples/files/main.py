"""Files go up into /files of the flash, in pieces, and come down again."""

import os

from microdot import Microdot, Request, send_file

from firmware import WorkerPool, run

FOLDER = "/files"
app = Microdot()
pool = WorkerPool()
Request.max_content_length = 512 * 1024  # more than `server.max_body_len`: read from the stream


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/files")
async def names(request):
    return sorted(os.listdir(FOLDER))


@app.get("/files/<name>")
@pool.long
async def download(request, name):
    if name not in os.listdir(FOLDER):
        return "no such file\n", 404
    return send_file(f"{FOLDER}/{name}", content_type="application/octet-stream")


@app.put("/files/<name>")
@pool.long
async def upload(request, name):
    path = f"{FOLDER}/{name}"
    with open(path + ".new", "wb") as file:
        while block := await request.stream.read(1024):
            file.write(block)
    os.rename(path + ".new", path)  # whole, or not at all
    return {"name": name, "size": os.stat(path)[6]}, 201


@app.delete("/files/<name>")
async def remove(request, name):
    if name not in os.listdir(FOLDER):
        return "no such file\n", 404
    os.remove(f"{FOLDER}/{name}")
    return "", 204


if FOLDER[1:] not in os.listdir("/"):
    os.mkdir(FOLDER)
run(app, pool)
