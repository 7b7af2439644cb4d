"""Microdot without its own server, whose place httpd32 takes.

What is left out is never called here, and costs 4 KB of a board's heap.  Lines keep their numbers.
"""

import ast

# Each reads requests from a connection of its own, or writes a response to one.
_SERVER = {
    "Microdot": ("start_server", "run", "handle_request"),
    "Request": ("create", "_safe_readline"),
    "Response": ("write", "complete"),
}
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def trim(text: str) -> str:
    """The source of the module `microdot.microdot` without what only its server needs."""
    lines = text.splitlines(keepends=True)
    for group in ast.parse(text).body:
        if isinstance(group, ast.ClassDef):
            for node in group.body:
                if isinstance(node, _FUNCTION) and node.name in _SERVER.get(group.name, ()):
                    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                    last = node.end_lineno or first
                    lines[first - 1 : last] = ["\n"] * (last - first + 1)
    return "".join(lines)
