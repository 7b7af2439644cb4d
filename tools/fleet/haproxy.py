"""What HAProxy is told of a fleet: the text of its haproxy.cfg."""

from tools.fleet.boards import Board, Fleet

_MAX_RETRIES = 3
_MARGIN_S = 5  # for a board to end a request itself

_TEXT = """\
# Written by `make fleet` from fleet.toml, which is the place for changes.

global
    log stderr format short daemon notice

defaults
    mode http
    log global
    option forwardfor
    # A board that restarts is silent.  On Wi-Fi a first packet may be lost, too: the next one
    # comes after a second.
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 60s
    # A long request may be silent until a board gives it up.
    timeout client {silence_s}s
    timeout server {silence_s}s
    timeout tunnel 1h
    # When all boards are busy: nobody waits for long.
    timeout queue 2s

frontend httpd32
    bind {bind}
    # Updates are for each board, and not for everybody.
    http-request deny deny_status 404 if {{ path,url_dec -m beg /.httpd32/ }}
    default_backend boards

backend boards
    balance leastconn
    # What is tried again, on another board.  A connection that has failed carried no request.  A
    # board that says nothing, or 503, may have begun with it: so then only GET and HEAD, which
    # may be repeated (RFC 9110, 9.2.2).
    retries {retries}
    option redispatch 1
    retry-on conn-failure empty-response 503
    http-request disable-l7-retry unless METH_GET
    option httpchk
    http-check send meth GET uri {check} ver HTTP/1.1 hdr Host httpd32
    http-check expect status 200
    timeout check 2s
    # A check that is late or answered with 503 is no failure yet: a board may have its hands full.
    # A connection that fails is one: the next request would go there, too, as to the board with the
    # fewest.
    default-server inter 3s fastinter 1s downinter 1s fall 3 rise 1
    default-server observe layer4 error-limit 1 on-error mark-down
    default-server init-addr last,libc,none
    # maxconn leaves a slot of the board to the checks, Prometheus and `make deploy`, but is always
    # more than its workers: so a quick request finds room beside long ones.
{servers}
"""


def write(fleet: Fleet) -> str:
    longest_ms = max(each.settings["server"]["async_request_timeout_ms"] for each in fleet.boards)
    return _TEXT.format(
        silence_s=longest_ms // 1000 + _MARGIN_S,
        retries=min(_MAX_RETRIES, len(fleet.boards)),
        bind=fleet.bind,
        check=fleet.check,
        servers="\n".join(_server(each) for each in fleet.boards),
    )


def _server(board: Board) -> str:
    host, port = board.address
    return f"    server {board.name} {host}:{port} check maxconn {max_connections(board)}"


def max_connections(board: Board) -> int:
    """How many requests HAProxy may have at a board at a time.

    A slot less than the board has; but one more than it has workers, of which it has fewer than
    slots.
    """
    limits = board.settings["server"]
    return max(limits["max_open_sockets"] - 1, limits["max_async_requests"] + 1)
