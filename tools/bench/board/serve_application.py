"""httpd32 with the demo's `/quick` and the routes of `application`.  Arguments: port, a file."""

import os
import sys

from application import add_routes
from microdot import Microdot

from firmware import run

app = Microdot()


@app.get("/quick")
async def quick(request):
    return "random: %d\n" % int.from_bytes(os.urandom(4), "little")


add_routes(app, sys.argv[3])
sys.exit(run(app))
