"""One module a subcommand of `python -m tools`.  None of them imports another.

Each has `add_arguments(parser)` and `run(options)`, which returns the exit status, or None for 0.
"""
