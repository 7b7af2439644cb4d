"""`ntptime`, played: this computer's clock is right."""

import time as _clock

import played

host = "pool.ntp.org"
timeout = 1


def time():
    return int(_clock.time())


def settime():
    played.say("ntptime: settime")
