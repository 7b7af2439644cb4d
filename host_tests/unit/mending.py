"""Microdot's parser of forms as `uploads` mends it, for the time of a test."""

from microdot import multipart
from microdot.multipart import FormDataIter

from firmware.workers import WorkerPool
from host_tests.unit.sites import LongBodies

_NAMES = ("buffer_size", "__init__", "__anext__", "_read_buffer")


class Mended(LongBodies):
    """Microdot's module is afterwards as it was; each test calls `mend` with `pool` itself."""

    def setUp(self):
        super().setUp()
        self._kept = [getattr(FormDataIter, name) for name in _NAMES]
        self.pool = WorkerPool()

    def tearDown(self):
        super().tearDown()
        for name, value in zip(_NAMES, self._kept):
            setattr(FormDataIter, name, value)
        del multipart.open
