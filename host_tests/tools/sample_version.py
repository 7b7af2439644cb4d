"""A small version that is deployed in tests, and what a played board's flash holds of it."""

import hashlib
import re

from host_tests.serial.board import unpack_flash

# Says what the tool waits for, and then waits for Ctrl-C, as httpd32 does.
MAIN = """
import asyncio
import part
print("I (1) httpd32: IPv4 address: 127.0.0.1,")
print("I (2) httpd32: Starting server on port: '9'")
print("I (3) httpd32: Registering URI handlers")
try:
    asyncio.run(asyncio.Event().wait())
except KeyboardInterrupt:
    print("main ends", part.NAME)
"""


def make_sources(folder, main=MAIN, **modules):
    """A small version: path on the board to file."""
    folder.mkdir(exist_ok=True)
    texts = {"boot.py": "", "main.py": main, "config.json": "{}", "app/page.html": "x" * 3000}
    texts.update({f"{name}.py": text for name, text in modules.items()})
    sources = {}
    for path, text in texts.items():
        sources[path] = folder / path.replace("/", "-")
        sources[path].write_text(text)
    return sources


def read_flash(board, tmp_path, was_cut=False):
    """What the board runs, path to content: as main.py and the manifest say, each file checked."""
    root = unpack_flash(tmp_path / "flash", tmp_path / f"unpacked-{board.byte_count}")
    main = (root / "main.py").read_text()
    started = re.search(r'^CURRENT = "/(.*)"', main, re.M)
    assert started
    folder = root / started[1]
    manifest = (folder / "manifest").read_text()
    assert hashlib.sha256(manifest.encode()).hexdigest()[:8] == folder.name[8:16]
    files = {}
    for line in manifest.splitlines():
        digest, path = line.split(" ", 1)
        files[path] = (folder / path).read_bytes()
        assert hashlib.sha256(files[path]).hexdigest() == digest, path
    assert was_cut or not list(root.rglob("*.new"))
    return files


def contents(sources):
    return {path: file.read_bytes() for path, file in sources.items()}


def versions(board, tmp_path):
    root = unpack_flash(tmp_path / "flash", tmp_path / f"versions-{board.byte_count}")
    return sorted(path.name for path in root.glob("httpd32-*"))
