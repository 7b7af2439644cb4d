"""What a plan may do: write into the folder of a version that does not run, and nothing else.

A plan is lines: `target FOLDER DIGEST`, a version and the SHA-256 of its manifest; `remove PATH`;
`folder PATH`; `copy FROM<TAB>TO`; `send DIGEST PATH`, and `seal DIGEST PATH` for a file with
passwords in it; `finally PATH`, to be removed after the switch.
"""

from firmware.update.proof import Refused

_MAIN = "/main.py"
_TRIAL = "/trial.py"
_NEW = ".new"
_VERSION = "/httpd32-"


def check_plan(lines: "Lines", running: str) -> tuple | None:
    """(folder, digest of its manifest) of the version, None without one.  Refused if the plan would
    write to anything else."""
    target: Anything = None
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "target":
            folder, _, digest = rest.partition(" ")
            name = _VERSION + digest[:8]
            if folder not in (name, name + "b") or folder == running:
                raise Refused(400, "no folder of a new version: " + folder)
            target = folder, digest
            continue
        path = rest
        if kind == "copy":
            source, _, path = rest.partition("\t")
            if not is_clean(source) or not (source.startswith(_VERSION) or source == _MAIN):
                raise Refused(403, "no source of a copy: " + source)
        elif kind in ("send", "seal"):
            path = rest.partition(" ")[2]
        elif kind not in ("folder", "remove", "finally"):
            raise Refused(400, "no line of a plan: " + line)
        if not is_clean(path) or not _is_allowed(kind, path, target and target[0], running):
            raise Refused(403, "a path that leaves its folder: " + path)
    return target


def _is_allowed(kind: str, path: str, target: str | None, running: str) -> bool:
    if kind in ("remove", "finally"):
        is_running = (path + "/").startswith(running + "/")
        return path == _MAIN + _NEW or (
            path.startswith(_VERSION) and (kind == "finally" or not is_running)
        )
    if target and (path + "/").startswith(target + "/"):
        return path != target or kind == "folder"
    if kind == "copy":
        return path.startswith("/main-") and path.count("/") == 1
    return kind == "send" and path in (_MAIN + _NEW, _TRIAL + _NEW)


def is_clean(path: str) -> bool:
    """Whether it is an absolute path without steps upwards."""
    parts = path.split("/")
    return parts.pop(0) == "" != path and not any(part in ("", ".", "..") for part in parts)
