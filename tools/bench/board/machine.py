"""A board's `machine`, as little as the firmware needs of it."""


def reset():
    raise SystemExit("the board restarts")
