"""The metrics of Prometheus, of the values that the status has; loaded for each question."""

# Of each value its type, "-" for a text, which is none, and what it is.
_ROWS = """\
-
-
-
-
gauge Since the program started.
counter Starts of the board since power came.
gauge 1 when the application was left out.
gauge Python's heap in use, garbage included.
gauge Python's heap that is free.
gauge RAM that is free for the network.
gauge Its largest free block.
gauge The least of it that was ever free.
-
-
gauge Strength of the access point's signal.
counter How often the link came up again.
counter Without a link.
gauge Connections of clients.
gauge The most of them at a time.
gauge server.max_open_sockets.
counter Closed to make room for another client.
gauge Long requests at work.
gauge server.max_async_requests.
counter Long requests refused: no worker or thread was ready, or no room to last.
gauge How late the loop was at worst.
counter Requests by the class of the response.
counter
counter
counter
counter"""


def tell(names: list, values: list) -> "Pieces":
    """All of them, in the order of `values`.

    names  of the values, as `status` has them
    """
    yield "# HELP httpd32_info What runs.\n# TYPE httpd32_info gauge\nhttpd32_info{"
    for n in range(3):
        yield '%s%s="%s"' % ("," if n else "", names[n], values[n])
    yield "} 1\n"
    for name, value, row in zip(names, values, _ROWS.split("\n")):
        kind, _, text = row.partition(" ")
        if kind == "-" or value is None:
            continue
        label = ""
        if name.startswith("requests."):
            label = '{class="%s"}' % name[9:]
            name = "requests.total"
        elif kind == "counter":
            name += "_total"
        name = "httpd32_" + name.replace(".", "_")
        if text:
            yield "# HELP %s %s\n# TYPE %s %s\n" % (name, text, name, kind)
        yield "%s%s %s\n" % (name, label, value)
