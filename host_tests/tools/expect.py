"""What tests of the tools expect: that something is refused in one line."""

import pytest

from tools.terminal import Refused


def refused(function, *args) -> str:
    """The line with which `function(*args)` is refused."""
    with pytest.raises(Refused) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)
