"""The board at a serial port: which port, its USB chip, its console, what is run on it."""
