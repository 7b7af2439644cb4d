"""`esp`, played."""


def osdebug(*args):
    pass


def flash_size():
    return 4 << 20


def flash_user_start():
    return 0x200000
