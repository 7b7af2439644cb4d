"""Packs the wheel: the folders of this checkout, as they are, inside its one package `httpd32`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_FOLDERS = ("firmware", "tools")
_FILES = ("boot.py",)
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "bench*", "smoke.py", "soak*"
)  # for those who work on httpd32


class _Build(build_py):
    def run(self):
        super().run()
        package = Path(self.build_lib) / "httpd32"
        for name in _FOLDERS:
            shutil.rmtree(package / name, ignore_errors=True)  # from an earlier build
            shutil.copytree(name, package / name, ignore=_LEFT_OUT)
        for name in _FILES:
            shutil.copy(name, package / name)


setup(cmdclass={"build_py": _Build})
