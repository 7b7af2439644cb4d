"""ESP-IDF's `persistent_sockets`: a sum that each connection keeps for itself."""

from microdot import Microdot

from firmware import run
from firmware.log import Log

app = Microdot()
log = Log(tag="example")
visits = {"count": 0}


class Adder:
    """What `request.sess_ctx` is; its `close` is called when the connection has ended."""

    def __init__(self, value):
        self.value = value

    def close(self):
        log.info("/adder Free Context function called")


@app.before_request
async def count(request):
    if request.path != "/logout":
        visits["count"] += 1
        log.info("%s visitor count = %d", request.path, visits["count"])


@app.post("/adder")
@app.put("/adder")
async def write(request):
    """POST adds a number, PUT sets it."""
    number = int(request.body)
    verb = "" if request.method == "POST" else "PUT "
    log.info("/adder %shandler read %d", verb, number)
    if request.sess_ctx is None:
        log.info("/adder %sallocating new session", verb)
        request.sess_ctx = Adder(0)
    request.sess_ctx.value = number if verb else request.sess_ctx.value + number
    return str(request.sess_ctx.value)


@app.get("/adder")
@app.get("/login")
async def read(request):
    if request.sess_ctx is None:
        log.info("%s GET allocating new session", request.path)
        request.sess_ctx = Adder(int(request.path == "/login"))
    log.info("%s GET handler send %d", request.path, request.sess_ctx.value)
    return str(request.sess_ctx.value)


@app.get("/logout")
async def logout(request):
    log.info("Logging out")
    request.sess_ctx = None
    return "1"


@app.errorhandler(ValueError)
async def not_a_number(request, error):
    return "a number\n", 400


run(app)
