"""A visitor is known again by a signed cookie."""

from microdot import Microdot, redirect
from microdot.session import Session, with_session

from firmware import run

app = Microdot()
Session(app, secret_key="change this, and keep it to yourself")
HTML = {"Content-Type": "text/html; charset=UTF-8"}
PAGE = """<!DOCTYPE html>
<title>Sessions</title>
<p>Visit %d.</p>
<form method="post" action="/forget"><button>forget</button></form>
"""


@app.get("/")
@with_session
async def index(request, session):
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return PAGE % session["visits"], 200, HTML


@app.post("/forget")
@with_session
async def forget(request, session):
    session.delete()
    return redirect("/", 303)


run(app)
