"""What speaks to a board as make deploy HOST= does, and as somebody who attacks it."""

import hashlib
import http.client

from tools.board.network import prove
from tools.version import manifest

PASSWORD = "correct horse"
OWN = "/.httpd32/"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Updater:
    """Asks a board with `update.password` PASSWORD; each answer is (status, text)."""

    def __init__(self, board):
        self.board = board
        self.host = f"{board.host}:{board.port}"

    def ask(self, method, path, body=b"", headers=None, host=None):
        connection = http.client.HTTPConnection(self.board.host, self.board.port, timeout=10)
        try:
            connection.request(method, path, body, {"Host": host or self.host, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def read_nonce(self):
        status, text = self.ask("GET", OWN + "nonce")
        assert status == 200, text
        return text.split()[0]

    def read_running(self):
        return self.ask("GET", OWN + "nonce")[1].split()[1]

    def sign(self, command, body, nonce=None, password=PASSWORD):
        """The field that proves it."""
        nonce = nonce or self.read_nonce()
        proof = prove(password, nonce, OWN + command, digest(body))
        return {"Authorization": f"httpd32 {nonce} {digest(body)} {proof}"}

    def order(self, command, body=b"", method="POST", host=None, **signing):
        """A request with its proof."""
        headers = self.sign(command, body, **signing)
        return self.ask(method, OWN + command, body, headers, host)

    def begin(self, *lines):
        """Orders a plan with these lines; the nonce that its files go with."""
        nonce = self.read_nonce()
        body = "".join(f"{line}\n" for line in lines).encode()
        status, text = self.order("update", body, nonce=nonce)
        assert (status, text.splitlines()[-1:]) == (200, ["complete"]), text
        return nonce


def make_version(**files):
    """(folder, digest of the manifest, path to content) of a version, its manifest among them."""
    contents = {f"{name}.py": text.encode() for name, text in files.items()}
    lines = "".join(f"{digest(contents[path])} {path}\n" for path in sorted(contents))
    contents[manifest.MANIFEST] = lines.encode()
    wanted = digest(lines.encode())
    return f"/{manifest.PREFIX}{wanted[:8]}", wanted, contents


def plan_of(folder, wanted, contents):
    """Lines of a plan that sends a version."""
    sends = [f"send {digest(content)} {folder}/{path}" for path, content in contents.items()]
    return [f"target {folder} {wanted}", f"folder {folder}", *sends]


def read_flash(board):
    """Path to content of all that is on it."""
    root = board.flash.root
    return {str(path): path.is_file() and path.read_bytes() for path in root.rglob("*")}
