"""Freezes httpd32 and Microdot into an image of MicroPython; docs/frozen.md says how.

In MicroPython's language of manifests; only the build of an image reads it.  `include` runs it in
this folder, without a `__file__`.  What an image can't use of Microdot stays out.
"""

import glob
import os

options.defaults(microdot=None)

_MICRODOT_FOR_COMPUTERS = ("asgi.py", "jinja.py", "test_client.py", "wsgi.py")


def find_microdot():
    """The folder with the package: the option `microdot`, else that of `make run`."""
    given = [options.microdot] if options.microdot else []
    for folder in given or sorted(glob.glob("../.venv/lib*/python*/site-packages")):
        if os.path.isfile(os.path.join(folder, "microdot", "microdot.py")):
            return os.path.abspath(folder)
    raise SystemExit('Microdot is not there: make build, or include(..., microdot="its parent")')


def modules(package, without):
    found = glob.glob(package + "/**/*.py", recursive=True)
    return sorted({os.path.relpath(path, package) for path in found} - set(without))


_site = find_microdot()
package("firmware", modules(".", ["manifest.py"]), base_path="..")
package("microdot", modules(_site + "/microdot", _MICRODOT_FOR_COMPUTERS), base_path=_site)
