"""Runs httpd32 and its demo.  Your own application goes here: see README.md."""

from firmware import run

run()
