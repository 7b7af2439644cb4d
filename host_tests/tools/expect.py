"""What tests of the tools expect: that something is refused in one line, or comes true in time."""

import time

import pytest

from tools.terminal import Refused

_LIMIT_S = 10
_TURN_S = 0.002


def refused(function, *args) -> str:
    """The line with which `function(*args)` is refused."""
    with pytest.raises(Refused) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def wait_for(condition):
    """What `condition()` gives when it is true; it has ten seconds."""
    deadline = time.monotonic() + _LIMIT_S
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(_TURN_S)
    return result
