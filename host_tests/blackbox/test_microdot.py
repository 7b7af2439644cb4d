"""What Microdot documents, request by request, holds on httpd32."""

import pytest
import requests

MAIN = """
from microdot import Microdot, URLPattern, abort
from firmware import run

app = Microdot()
sub = Microdot()
local = Microdot()
URLPattern.register_type("hex", "[0-9a-f]+", lambda text: int(text, 16))

@app.get("/quick")
async def quick(request):
    return "quick"

@app.before_request
async def begin(request):
    request.g.seen = ["app"]
    if "stop" in request.args:
        return "stopped", 418

@app.after_request
async def end(request, response):
    response.headers["X-Seen"] = ",".join(request.g.seen)

@app.after_error_request
async def fail(request, response):
    response.headers["X-Error"] = str(response.status_code)

@app.errorhandler(404)
async def not_found(request):
    return {"missing": request.path}, 404

@app.errorhandler(405)
async def not_allowed(request):
    return "mine", 405

@app.errorhandler(LookupError)
async def lookup(request, error):
    return type(error).__name__, 409

@app.get("/int/<int:n>")
@app.get("/hex/<hex:n>")
@app.get("/re/<re:[a-c]*:n>/end")
@app.get("/path/<path:n>")
async def show(request, n):
    return [n]

@app.get("/raise")
async def fall(request):
    return {}["key"]

@app.get("/tea")
async def tea(request):
    abort(418, "tea")

@app.get("/mine")
async def mine(request):
    @request.after_request
    async def mark(request, response):
        response.headers["X-Mine"] = "yes"
    return 202

@app.get("/headers")
async def headers(request):
    request.headers["X-New"] = "1"
    names = sorted(name.lower() for name in request.headers.keys())
    return [names, request.headers["x-a"], request.headers.get("X-B", "none"), len(names)]

@sub.before_request
async def begin_sub(request):
    request.g.seen.append("sub")

@sub.get("/where")
async def where(request):
    return [request.url_prefix, request.subapp is sub]

@local.before_request
async def begin_local(request):
    request.g.seen.append("local")

@local.errorhandler(ZeroDivisionError)
async def zero(request, error):
    return "zero", 500

@local.get("/zero")
async def divide(request):
    return 1 // 0

app.mount(sub, url_prefix="/sub")
app.mount(local, url_prefix="/local", local=True)

run(app)
"""
DECORATED = """
from microdot import Microdot
from microdot.auth import BasicAuth
from microdot.multipart import with_form_data
from microdot.sse import with_sse
from firmware import WorkerPool, run

app = Microdot()
pool = WorkerPool()
auth = BasicAuth()

@auth.authenticate
async def check(request, name, password):
    return name if password == "secret" else None

async def name(request):
    return request.g.current_user

app.get("/auth/above")(auth(pool.long(name)))
app.get("/auth/below")(pool.long(auth(name)))

async def tick(request, sse):
    await sse.send("tick")

app.get("/sse/above")(with_sse(pool.long(tick)))
app.get("/sse/below")(pool.long(with_sse(tick)))

async def form(request):
    return [request.form["name"], len(await request.files["file"].read())]

app.post("/form/above")(with_form_data(pool.long(form)))
app.post("/form/below")(pool.long(with_form_data(form)))

run(app, pool)
"""
SESSIONS = """
from microdot import Microdot
from microdot.login import Login
from microdot.session import Session, with_session
from firmware import WorkerPool, run

app = Microdot()
pool = WorkerPool()
login = Login()
Session(app, secret_key="secret")

@login.user_loader
async def load(user_id):
    return User()

class User:
    id = "1"

@app.post("/login")
async def enter(request):
    return await login.login_user(request, User())

@app.get("/inside")
@login
async def inside(request):
    return "inside"

async def count(request, session):
    session["count"] = session.get("count", 0) + 1
    session.save()
    return str(session["count"])

app.get("/session/above")(with_session(pool.long(count)))
app.get("/session/below")(pool.long(with_session(count)))

run(app, pool)
"""


@pytest.fixture(scope="module")
def ask(make_board, tmp_path_factory):
    return asker(make_board(tmp_path_factory.mktemp("plain"), main=MAIN))


@pytest.fixture(scope="module")
def decorated(make_board, tmp_path_factory):
    return asker(make_board(tmp_path_factory.mktemp("decorated"), main=DECORATED))


@pytest.fixture(scope="module")
def sessions(make_board, tmp_path_factory):
    return asker(make_board(tmp_path_factory.mktemp("sessions"), main=SESSIONS))


def asker(board):
    """What asks a board, with `requests`."""

    def ask(path, method="GET", **options):
        url = f"http://127.0.0.1:{board.port}{path}"
        return requests.request(method, url, timeout=10, allow_redirects=False, **options)

    return ask


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/int/-3", [-3]),
        ("/int/x", None),
        ("/hex/ff", [255]),
        ("/re/abc/end", ["abc"]),
        ("/re/d/end", None),
        ("/path/a/b", ["a/b"]),
    ],
)
def test_each_type_of_a_path_takes_its_own(ask, path, found):
    answer = ask(path)
    assert answer.status_code == (200 if found else 404)
    assert answer.json() == found or {"missing": path}


def test_hooks_run_before_and_after_and_on_errors(ask):
    assert ask("/quick").headers["X-Seen"] == "app,sub"
    assert (ask("/quick?stop").text, ask("/quick?stop").status_code) == ("stopped", 418)
    mine = ask("/mine")
    assert (mine.status_code, mine.headers["X-Mine"], mine.content) == (202, "yes", b"")
    assert ask("/tea").headers["X-Error"] == "418"
    assert "X-Error" not in ask("/quick").headers


def test_errors_have_the_handlers_of_their_status_and_class(ask):
    assert ask("/nothing").json() == {"missing": "/nothing"}
    assert (ask("/raise").text, ask("/raise").status_code) == ("KeyError", 409)
    refused = ask("/quick", "POST")
    assert (refused.text, refused.headers["Allow"]) == ("mine", "GET, HEAD, OPTIONS")
    assert ask("/tea").text == "tea"


def test_mounted_applications_keep_their_prefix_hooks_and_handlers(ask):
    assert ask("/sub/where").json() == ["/sub", True]
    zero = ask("/local/zero")
    assert (zero.text, zero.status_code, zero.headers["X-Error"]) == ("zero", 500, "500")


def test_headers_are_the_dictionary_that_microdot_has(ask):
    names, a, b, count = ask("/headers", headers={"X-A": "1"}).json()
    assert (a, b, count) == ("1", "none", len(names))
    assert {"host", "x-a", "x-new"} <= set(names)


def test_who_logs_in_is_let_in(sessions):
    assert sessions("/inside").status_code == 302
    entered = sessions("/login", "POST")
    assert sessions("/inside", cookies=entered.cookies).text == "inside"


def test_a_session_goes_above_long_and_below(sessions):
    with requests.Session() as visitor:
        for number, place in enumerate(("above", "above", "below", "below"), 1):
            answer = sessions(f"/session/{place}", cookies=visitor.cookies)
            visitor.cookies.update(answer.cookies)
            assert answer.text == str(number)


@pytest.mark.parametrize("place", ["above", "below"])
def test_decorators_go_above_long_and_below(decorated, place):
    assert decorated(f"/auth/{place}", auth=("me", "secret")).text == "me"
    assert decorated(f"/auth/{place}").status_code == 401
    assert decorated(f"/sse/{place}").text == "data: tick\n\n"
    files = {"file": ("name", b"x" * 500)}
    form = decorated(f"/form/{place}", "POST", data={"name": "a"}, files=files)
    assert form.json() == ["a", 500]
