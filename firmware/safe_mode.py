"""What runs in the place of an application whose starts have gone wrong, so that a deploy can come.

Every path is answered with why.
"""

from microdot import Microdot, Request

import firmware

_TEXT = (
    "Safe mode: the application is left out, because it has not served for a minute in five starts "
    "in a row.\nLast time: %s\nA deploy of something else ends it, and switching the power off and "
    "on.\n"
)


def create_app() -> Microdot:
    from firmware import last_words

    record = last_words.unpack(firmware.record or b"")
    firmware.drop("last_words")
    text = _TEXT % (record.words if record else "")

    async def explain(request: Request) -> tuple:
        return text, 503, {"Retry-After": "60"}

    app = Microdot()
    app.error_handlers[404] = explain
    return app
