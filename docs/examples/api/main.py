"""A JSON API with a token, which pages of other origins may use."""

from microdot import Microdot, abort
from microdot.auth import TokenAuth
from microdot.cors import CORS

from firmware import run

TOKEN = "change-me"
app = Microdot()
CORS(app, allowed_origins="*", allowed_headers=["Authorization", "Content-Type"])
auth = TokenAuth()
items = {}


@auth.authenticate
async def check(request, token):
    return "owner" if token == TOKEN else None


@app.get("/")
async def index(request):
    return (
        "curl -X PUT -H 'Authorization: Bearer change-me' -H 'Content-Type: application/json'"
        ' -d \'{"colour": "red"}\' http://THIS/items/a\ncurl http://THIS/items\n'
    ).replace("THIS", request.headers["Host"])


@app.get("/items")
async def read_all(request):
    return items


@app.put("/items/<name>")
@auth
async def write(request, name):
    if not isinstance(request.json, dict):
        abort(400, "a JSON object")
    items[name] = request.json
    return items[name]


@app.delete("/items/<name>")
@auth
async def remove(request, name):
    if items.pop(name, None) is None:
        abort(404)
    return "", 204


@app.errorhandler(404)
async def not_found(request):
    return {"error": "not found"}, 404


run(app)
