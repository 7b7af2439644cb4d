"""A MicroPython image, and the chip it is for."""
