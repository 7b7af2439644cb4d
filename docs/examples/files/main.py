"""Files go up into /files of the flash, in pieces, and come down again."""

import os

from microdot import Microdot, Request, abort, send_file
from microdot.microdot import urldecode

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


def path_of(name, is_there=True):
    name = urldecode(name)
    if "/" in name or name in (".", "..") or (is_there and name not in os.listdir(FOLDER)):
        abort(404, "no such file\n")
    return f"{FOLDER}/{name}"


@app.get("/files/<name>")
@pool.long
async def download(request, name):
    return send_file(path_of(name), content_type="application/octet-stream")


@app.put("/files/<name>")
@pool.long
async def upload(request, name):
    path = path_of(name, False)
    part = path.replace(FOLDER + "/", "/part of ")
    with open(part, "wb") as file:
        while block := await request.stream.read(1024):
            file.write(block)
    os.rename(part, path)  # whole, or not at all
    return {"name": path[len(FOLDER) + 1 :], "size": os.stat(path)[6]}, 201


@app.delete("/files/<name>")
async def remove(request, name):
    os.remove(path_of(name))
    return "", 204


if FOLDER[1:] not in os.listdir("/"):
    os.mkdir(FOLDER)
run(app, pool)
