"""Runs before main.py, on every start of the board.  Nothing to do."""
