"""`machine` of a board, as far as the firmware knows it."""

PWRON_RESET = 1
SOFT_RESET = 5


def reset_cause():
    return PWRON_RESET


def reset() -> None:
    raise SystemExit("the board restarts")


class Pin:
    IN = 1
    OUT = 3

    def __init__(self, number):
        if number > 48:  # of an ESP32-S3, say
            raise ValueError("invalid pin")
        self.number = number


class SPI:
    def __init__(self, number, sck, mosi, miso):
        self.number = number
        self.pins = (sck.number, mosi.number, miso.number)
