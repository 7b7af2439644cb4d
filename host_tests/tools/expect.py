"""What tests of the tools expect: a CommandError of one line."""

import pytest

from tools.terminal import CommandError


def error_line(function, *args) -> str:
    """The line of the CommandError that `function(*args)` raises."""
    with pytest.raises(CommandError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)
