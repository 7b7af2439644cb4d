"""What `make run` runs in: a played board, its radio, its pins, and the process that plays it."""
