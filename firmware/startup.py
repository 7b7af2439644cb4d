"""The composition root, and what else a start needs once: `app` drops it when everything is made.

The one module that knows all the others.
"""

import sys

from micropython import const

import firmware

_MICRODOT_MAX_LEN = const(16384)


def mark(request: "Anything") -> None:
    """From now on a limit that the application sets can be told from Microdot's own.

    Also if it is the same number: Microdot's own is lowered by one.
    """
    for name in ("max_content_length", "max_body_length"):
        if getattr(request, name) == _MICRODOT_MAX_LEN:
            setattr(request, name, _MICRODOT_MAX_LEN - 1)
            request.unchosen_len = _MICRODOT_MAX_LEN - 1


def mend_extensions(pool: "WorkerPool") -> None:
    """What an application has of Microdot's that needs it: see `uploads` and `frames`."""
    multipart = sys.modules.get("microdot.multipart")
    if multipart:
        from firmware import uploads

        uploads.mend(multipart, pool)
    websocket = sys.modules.get("microdot.websocket")
    if websocket:
        from firmware import frames

        frames.mend(websocket)


def choose(
    pool: "WorkerPool | None", app: "Microdot | None", told: tuple = ()
) -> "WorkerPool | str":
    """The pool of an application: the one that `run()` was given, else the one made last.

    told  what is called when the link comes up, and when it is lost
    A text if `run()` was given something else, or if a handler of the application is meant to be
    long and would not be.
    """
    from firmware.workers import WorkerPool

    for name, given, method in (("app", app, "dispatch_request"), ("pool", pool, "long")):
        if given is not None and not hasattr(given, method):
            return "run(): %s is of type %s" % (name, type(given).__name__)
    for name, given in zip(("on_connect", "on_disconnect"), told):
        if given is not None and not callable(given):
            return "run(): %s is of type %s, not a function" % (name, type(given).__name__)
    made, WorkerPool.made = WorkerPool.made, []
    pool = pool or (app and made and made[-1][0]) or WorkerPool()
    handlers = [route[2] for route in app.url_map] if app else []
    for owner, function, long in made:
        name = getattr(function, "__name__", "handler")
        if long in handlers:
            if owner is not pool:
                return "run() was not given the pool of %s" % name
        elif function in handlers:
            return "@pool.long of %s goes below its route" % name
    return pool


def make(
    make_parts: "Function",
    settings: dict,
    path: str,
    app: "Anything",
    pool: "WorkerPool | None",
    on_connect: "Function | None",
    on_disconnect: "Function | None",
) -> "Anything":
    """What runs, as `make_parts` puts it together; None, after one line that says why, if the
    application's long handlers can't.
    """
    chosen = choose(pool, app, (on_connect, on_disconnect))
    if isinstance(chosen, str):
        print(chosen)
        return None
    if chosen.plain and not settings["server"]["max_threads"]:
        print("%s: server.max_threads: 0, but %s is a plain function" % (path, chosen.plain))
        return None
    from firmware.health import Health
    from firmware.job import Busy
    from firmware.link import Link
    from firmware.log import Log
    from firmware.memory import Memory
    from firmware.server import Server
    from firmware.supervisor import Supervisor

    network = settings["network"]
    limits = settings["server"]
    log = Log(settings["log"]["level"])
    Log.rank = log.rank
    _greet(log, network["hostname"], limits["port"])
    health = Health(log, settings["watchdog"]["timeout_s"], network["ntp_host"])
    memory = Memory(log, restart=health.restart_exhausted)
    if app is None:
        from firmware.routes import create_app

        app = create_app(chosen, log, **settings["demo"])
    app.error_handlers.setdefault(Busy, chosen.refuse)
    mend_extensions(chosen)
    server = Server(app, chosen, memory, log, limits)
    interface = make_interface(network, log)
    supervisor = Supervisor(Link(interface), server, log, on_connect, on_disconnect)
    app.server = supervisor  # Microdot's shutdown() closes it
    return make_parts(settings, log, health, memory, interface, server, supervisor)


def _greet(log: "Log", hostname: str, port: int) -> None:
    url = "http://%s.local%s" % (hostname, "" if port == 80 else ":%d" % port)
    # The folder is named after the version that was deployed.
    folder = sys.path[0] or "/"
    log.info("httpd32 %s, %s, application %s", firmware.__version__, url, folder)


def make_interface(network: dict, log: "Log") -> "Interface":
    """What `link.Link` polls; what the board has not is never loaded."""
    kind = network["interface"]
    name = network["hostname"]
    static_ip = network["static_ip"]
    ethernet: Anything
    wifi: Anything
    ethernet = wifi = None
    if kind != "wifi":
        from firmware.ethernet import Ethernet

        ethernet = Ethernet(network["ethernet"], name, static_ip, log)
    if kind != "ethernet":
        from firmware.wifi import WiFi

        power_save = network["power_save"]
        wifi = WiFi(network["wifi"], name, network["country"], power_save, static_ip, log)
    if ethernet and wifi:
        from firmware.failover import Failover

        return Failover(ethernet, wifi, log)
    return ethernet or wifi
