"""Timers, which run; the clock, whose memory outlives a restart; the watchdog."""

import asyncio
import time

import played


class Timer:
    """Its callbacks run while the loop waits, and not before there is one."""

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **settings):
        self._name = "Timer(%d)" % id
        self._task = None
        if settings:
            self.init(**settings)

    def init(self, mode=PERIODIC, freq=-1, period=-1, callback=None, hard=False, tick_hz=1000):
        self.deinit()
        period_s = 1 / freq if freq > 0 else period / tick_hz
        played.say("%s: every %d ms", self._name, period_s * 1000)
        self._task = played.start(self._run, mode, period_s, callback)

    def deinit(self):
        task, self._task = self._task, None
        if task:
            task.cancel()

    def value(self):
        return 0

    async def _run(self, mode, period_s, callback):
        while True:
            await asyncio.sleep(period_s)
            if mode == self.ONE_SHOT:
                self._task = None
            try:
                if callback:
                    callback(self)
            except Exception as error:  # a board tells it, too, and the timer goes on
                context = {"message": self._name, "exception": error, "future": None}
                asyncio.get_event_loop().call_exception_handler(context)
            if mode == self.ONE_SHOT:
                return


class RTC:
    _MAX_LEN = 2048

    def __init__(self, id=0, datetime=None):
        if datetime:
            self.datetime(datetime)

    def init(self, datetime):
        self.datetime(datetime)

    def datetime(self, datetime=None):
        if datetime is not None:
            played.say("RTC: %s", datetime)
            return None
        now = time.gmtime()
        return (now[0], now[1], now[2], now[6], now[3], now[4], now[5], 0)

    def memory(self, octets=None):
        if octets is None:
            return played.storage.get("rtc", b"")
        if len(octets) > self._MAX_LEN:
            raise ValueError("buffer too long")
        played.remember("rtc", octets.encode() if isinstance(octets, str) else bytes(octets))
        return None


class WDT:
    """It restarts nothing by itself: what plays the board sees until when it was fed, in ms since
    1970."""

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._timeout_ms = timeout
        played.say("WDT: %d ms", timeout)
        self.feed()

    def feed(self):
        played.remember("watchdog", b"%d" % (time.time() * 1000 + self._timeout_ms))
