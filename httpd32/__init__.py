"""httpd32 as pip installs it: the commands, and the firmware that they bring to a board.

What a board's `main.py` imports is `firmware`, which is there on the board; here is nothing to
import.
"""
