"""An application that starts Microdot's own server is told what to write instead."""

import pytest

from host_tests.tools.expect import error_line
from host_tests.tools.test_application import found, paths, write

START = "import asyncio\nfrom microdot import Microdot\nserver = Microdot()\n"
REASON = "() is Microdot's own server; write run(server) instead, and from firmware import run"


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("server.run()", "main.py, line 4: server.run"),
        ("server.run(port=80, debug=True)", "main.py, line 4: server.run"),
        ("if __name__ == '__main__':\n    server.run()", "main.py, line 5: server.run"),
        ("try:\n    server.run()\nexcept:\n    server.shutdown()", "main.py, line 5: server.run"),
        (
            "async def main():\n    await server.start_server()\nasyncio.run(main())",
            "main.py, line 5: server.start_server",
        ),
        (
            "async def main():\n    asyncio.create_task(server.start_server(port=80))",
            "main.py, line 5: server.start_server",
        ),
    ],
)
def test_it_is_one_line_with_the_place(tmp_path, lines, place):
    line = error_line(found, write(tmp_path, main=f"{START}{lines}\n"))
    assert line.endswith(f"{place}{REASON}")


@pytest.mark.parametrize(
    "lines",
    [
        "asyncio.run(asyncio.sleep(0))",
        "try:\n    import firmware\nexcept ImportError:\n    server.run()",
        "import sys\nif sys.implementation.name == 'cpython':\n    server.run()",
        "text = 'server.run()'",
    ],
)
def test_what_is_for_elsewhere_or_something_else_is_not(tmp_path, lines):
    assert paths(write(tmp_path, main=f"{START}{lines}\n")) == set()


def test_a_module_that_does_so_only_as_the_main_one_goes_along(tmp_path):
    part = f"{START}if __name__ == '__main__':\n    server.run()\n"
    main = write(tmp_path, main="from part import server\n", part=part)
    assert paths(main) == {"part.py"}
