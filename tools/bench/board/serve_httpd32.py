"""httpd32 and its demo, as main.py runs it.  The settings are those of the present folder."""

import sys

from firmware import run

sys.exit(run())
