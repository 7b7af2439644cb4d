"""What Microdot's multipart parser lacks; loaded with an application that has it."""

import asyncio
import os


def mend(multipart: "Anything", pool: "WorkerPool") -> None:
    """Makes the parser find each boundary, and lose no temporary file.

    multipart  Microdot's module
    pool       which is told of the end of each request
    """
    # It misses a boundary across the end of its buffer, when more than that is asked for at once,
    # as `with_form_data` does.
    parser = multipart.FormDataIter
    parser.buffer_size = max(parser.buffer_size, multipart.FileUpload.max_memory_size)
    files = TemporaryFiles()
    multipart.open = files.open
    release = pool.release

    def release_all(wire: object) -> None:
        release(wire)
        files.sweep()

    pool.release = release_all  # type: ignore[method-assign]


class TemporaryFiles:
    """Those that are open.

    `with_form_data` removes what it has parsed when all of a form has come: nothing of an upload
    that breaks off, and of two files of one name only the second.
    """

    def __init__(self) -> None:
        self._open: list = []  # (the task that works at the request, the file, its path)

    def open(self, path: str, mode: str = "r") -> "Anything":
        """As the function; a file that is written and read again is a temporary one."""
        file = open(path, mode)  # noqa: SIM115
        if "+" in mode:
            self._open.append((asyncio.current_task(), file, path))
        return file

    def sweep(self) -> None:
        """Removes those of the caller's task, whose request has ended, and of jobs that have."""
        if not self._open:
            return
        kept = []
        for each in self._open:
            task, file, path = each
            if task is not asyncio.current_task() and not task.done():
                kept.append(each)
                continue
            try:
                file.close()
            except OSError:  # the flash is full
                pass
            try:
                os.remove(path)
            except OSError:  # as nearly always: it is gone already
                pass
        self._open = kept
