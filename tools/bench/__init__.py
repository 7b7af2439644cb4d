"""`make bench`: httpd32 beside plain Microdot and beside a bare loop, measured in one run.

An `Experiment` visits each server in turn, once a round, and each visit gives one value for each of
its rows.  `servers` runs the servers, `load` and `clients` are their clients, `report` and
`picture` show the rows.  `board/` is what runs under MicroPython.
"""
