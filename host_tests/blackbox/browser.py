"""A browser for tests: Chromium without a window, driven by its own protocol (CDP)."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ANSWER_S = 30
_WAIT_S = 20
_TURN_S = 0.02


def find() -> str | None:
    """The path of a browser on this computer, None without one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """The browser `program` with one page, until `stop()`.

    complaints  of the page: exceptions, and what could not be loaded
    """

    def __init__(self, program: str, folder: Path):
        self.complaints: list[str] = []
        line = [
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-first-run",
            "--no-sandbox",
        ]
        line += ["--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
        line += ["--disable-background-networking", "--disable-component-update"]
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        self._process = _spawn(line, commands, answers)
        self._received = b""
        self._session = None
        self._count = 0
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def stop(self):
        os.close(self._to)  # which ends it
        try:
            self._process.wait(_WAIT_S)
        finally:
            self._process.kill()
            os.close(self._from)

    def resize(self, width: int, height: int, is_dark: bool = False):
        """The window, in CSS pixels, and whether the person prefers it dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str):
        """Returns when the page is there."""
        self._go("about:blank", "==")  # a page that polls a board that is gone complains to its end
        self.complaints = []
        self._go(url, "!=")

    def ask(self, expression: str) -> object:
        """The value of an expression of JavaScript in the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> object:
        """The same when it is true."""
        deadline = time.monotonic() + _WAIT_S
        while not (value := self.ask(expression)):
            assert time.monotonic() < deadline, f"{expression}; {self.complaints}"
            time.sleep(_TURN_S)
        return value

    def click(self, selector: str):
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def take_picture(self) -> bytes:
        """A PNG of what the window shows."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _go(self, url, compare):
        failure = self._call("Page.navigate", url=url).get("errorText")
        assert not failure, (url, failure)
        self.wait_for(f"document.readyState != 'loading' && location.href {compare} 'about:blank'")

    def _call(self, method: str, **params):
        self._count += 1
        call = {"id": self._count, "method": method, "params": params}
        if self._session:
            call["sessionId"] = self._session
        os.write(self._to, json.dumps(call).encode() + b"\0")
        while True:
            answer = json.loads(self._receive())
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._listen(answer)

    def _receive(self) -> bytes:
        while b"\0" not in self._received:
            assert select.select([self._from], [], [], _ANSWER_S)[0], "the browser says nothing"
            block = os.read(self._from, 1 << 16)
            assert block, "the browser has ended"
            self._received += block
        message, _, self._received = self._received.partition(b"\0")
        return message

    def _listen(self, event):
        """Keeps what the page has to complain of."""
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", str(details)))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")


def _spawn(line, commands, answers):
    """Starts it with these ends of pipes as its descriptors 3 and 4."""
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (commands, answers)]

    def prepare():
        for number, end in enumerate(ends, 3):
            os.dup2(end, number)

    try:
        return subprocess.Popen(
            line, preexec_fn=prepare, close_fds=False, stderr=subprocess.DEVNULL
        )
    finally:
        for end in (commands, answers, *ends):
            os.close(end)
