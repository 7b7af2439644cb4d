"""`vfs`, played: nothing is mounted that could be told."""


def mount():
    return []
