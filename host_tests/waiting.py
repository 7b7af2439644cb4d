"""How a test waits for what another process or thread does."""

import time

_TURN_S = 0.002


def wait_for(condition, limit_s: float = 10, failure=lambda: "not in time"):
    """What `condition()` gives as soon as that is true; when it is late, an AssertionError."""
    deadline = time.monotonic() + limit_s
    while not (result := condition()):
        assert time.monotonic() < deadline, failure()
        time.sleep(_TURN_S)
    return result
