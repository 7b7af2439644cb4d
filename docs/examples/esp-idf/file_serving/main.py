"""ESP-IDF's `file_serving`: files go up into /data of the flash, are listed, come down, and go."""

import json
import os

from microdot import Microdot, Request, abort, redirect

from firmware import WorkerPool, run
from firmware.log import Log

BASE_PATH = "/data"
MAX_FILE_SIZE = 200 * 1024
BLOCK_LEN = 1024
HTML = "text/html; charset=UTF-8"
TYPES = {"pdf": "application/pdf", "html": HTML, "jpeg": "image/jpeg", "ico": "image/x-icon"}
ROW = (
    '<tr><td><a href="%s">%s</a><td>%s<td>%d<td>'
    '<form method="post" action="/delete%s"><button>Delete</button></form>\n'
)
Request.max_content_length = 1 << 30  # what is too large is refused below, with its own words
app = Microdot()
pool = WorkerPool()
log = Log(tag="file_server")


def refuse(status, text, line, *args):
    log.error(line, *args)
    abort(status, text)


@app.after_error_request
async def close(request, response):
    response.headers["Connection"] = "close"


def find(path):
    """(Whether it is a folder, its size); None if there is nothing."""
    try:
        found = os.stat(path)
        return bool(found[0] & 0x4000), found[6]
    except OSError:
        return None


def path_of(name):
    if name.endswith("/") or ".." in name.split("/"):
        refuse(500, "Invalid filename", "Invalid filename : /%s", name)
    return f"{BASE_PATH}/{name}"


@app.get("/")
@pool.long
async def list_root(request):
    return list_folder("/"), {"Content-Type": HTML}


def list_folder(uri):
    """The page, a line at a time: it is never in memory as a whole."""
    with open("upload.html") as page:
        yield page.read()
    for name in os.listdir(BASE_PATH + uri):
        is_folder, size = find(BASE_PATH + uri + name)
        kind = "directory" if is_folder else "file"
        log.info("Found %s : %s (%d bytes)", kind, name, size)
        name = name.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        link = uri + name
        yield ROW % (link + "/" * is_folder, name, kind, size, link)
    yield "</table>\n"


@app.get("/<path:name>")
@pool.long
async def download(request, name):
    path = path_of(name.rstrip("/"))
    found = find(path)
    if name.endswith("/"):
        if not found or not found[0]:
            refuse(404, "Directory does not exist", "Failed to stat dir : %s/", path)
        return list_folder(f"/{name}"), {"Content-Type": HTML}
    if not found and name == "index.html":
        return redirect("/", 307)
    if not found or found[0]:
        refuse(404, "File does not exist", "Failed to stat file : %s", path)
    log.info("Sending file : /%s (%d bytes)...", name, found[1])
    kind = TYPES.get(name.split(".")[-1].lower(), "text/plain")
    return read_file(path), {"Content-Type": kind, "Content-Length": str(found[1])}


def read_file(path):
    with open(path, "rb") as file:
        while block := file.read(BLOCK_LEN):
            yield block
    log.info("File sending complete")


@app.post("/upload/<path:name>")
@pool.long
async def upload(request, name):
    path = path_of(name)
    if find(path):
        refuse(400, "File already exists", "File already exists : %s", path)
    check_size(request.content_length)
    try:
        open(path, "wb").close()
    except OSError:
        refuse(500, "Failed to create file", "Failed to create file : %s", path)
    log.info("Receiving file : /%s...", name)
    is_whole = False
    try:
        await receive(request.stream, path)
        is_whole = True
    finally:
        if not is_whole:
            log.error("File reception failed!")
            os.remove(path)
    log.info("File reception complete")
    return "File uploaded successfully", 303, {"Location": "/"}


async def receive(stream, path):
    size = 0
    with open(path, "wb") as file:
        while block := await stream.read(BLOCK_LEN):
            size += len(block)
            check_size(size)  # a chunked body has not said its length
            try:
                file.write(block)
            except OSError:
                refuse(500, "Failed to write file to storage", "File write failed!")


def check_size(size):
    if size > MAX_FILE_SIZE:
        refuse(400, "File size must be less than 200KB!", "File too large : %d bytes", size)


@app.post("/delete/<path:name>")
async def delete(request, name):
    path = path_of(name)
    if not find(path):
        refuse(400, "File does not exist", "File does not exist : /%s", name)
    log.info("Deleting file : /%s", name)
    os.remove(path)
    return "File deleted successfully", 303, {"Location": "/"}


async def started(address):
    with open("config.json") as file:
        port = json.load(file).get("server", {}).get("port", 80)
    log.info("Starting HTTP Server on port: '%d'", port)


log.info("Initializing SPIFFS")  # by this name it is waited for; here it is a folder of the flash
if not find(BASE_PATH):
    os.mkdir(BASE_PATH)
run(app, pool, on_connect=started)
