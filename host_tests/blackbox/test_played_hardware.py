"""Pins and their kin do nothing under `make run`, and say so at `debug`."""

import re

import pytest

APPLICATION = """
from microdot import Microdot
from firmware import run
app = Microdot()
%s
@app.get("/quick")
async def quick(request):
    return "quick"

run(app)
"""


@pytest.mark.parametrize(
    ("uses", "lines"),
    [
        (
            "from machine import Pin\nled = Pin(2, Pin.OUT, value=1)\nled.off()\nled(1)\n"
            "led.irq(lambda pin: None, trigger=Pin.IRQ_RISING | Pin.IRQ_FALLING)\n"
            "button = Pin(0, mode=Pin.IN, pull=Pin.PULL_UP)\n"
            "print('PINS', led.value(), button.value(), Pin(2) is led, led)",
            ["PINS 1 1 True Pin(2)", "machine: Pin(2) is 0"],
        ),
        (
            "from machine import ADC, PWM, DAC, TouchPad, Pin, Signal\n"
            "adc = ADC(Pin(34), atten=ADC.ATTN_11DB)\nadc.width(ADC.WIDTH_10BIT)\n"
            "pwm = PWM(Pin(4), freq=1000, duty_u16=32768)\n"
            "print('ANALOG', adc.read(), adc.read_u16(), pwm.freq(), pwm.duty())\n"
            "TouchPad(Pin(13)).read()\nDAC(Pin(25)).write(128)\nSignal(5, invert=True).on()",
            ["ANALOG 512 32768 1000 512", "machine: PWM(Pin(4)): 1000 Hz"],
        ),
        (
            "from machine import I2C, SoftI2C, SPI, SoftSPI, UART, Pin\n"
            "i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)\nprint('BUSES', i2c.scan())\n"
            "try:\n    SoftI2C(scl=Pin(5), sda=Pin(4)).readfrom_mem(0x76, 0xD0, 1)\n"
            "except OSError as error:\n    print('ERROR', error.errno)\n"
            "pins = {'sck': Pin(14), 'mosi': Pin(13), 'miso': Pin(12)}\n"
            "spi = SPI(1, baudrate=10000000, polarity=0, phase=0, **pins)\n"
            "spi.write(b'abc')\nprint('SPI', spi.read(2))\nSoftSPI(**pins)\n"
            "print('UART', UART(1, baudrate=9600, tx=17, rx=16).write(b'ab'))",
            [
                "BUSES []",
                "ERROR 19",
                r"SPI b'\x00\x00'",
                "UART 2",
                "machine: SPI(1): write 3 bytes",
            ],
        ),
        (
            "import machine\nfrom machine import RTC, WDT\nRTC().datetime()\n"
            "WDT(timeout=8000).feed()\nmachine.freq(240000000)\nmachine.idle()\n"
            "state = machine.disable_irq()\nmachine.enable_irq(state)\nmachine.lightsleep(1)\n"
            "print('BOARD', len(machine.unique_id()), machine.freq(), machine.reset_cause())",
            ["BOARD 6 240000000 1", "machine: WDT: 8000 ms"],
        ),
        (
            "import esp32, esp\nnvs = esp32.NVS('a')\nnvs.set_i32('n', 7)\n"
            "nvs.set_blob('b', b'xyz')\nnvs.commit()\nblob = bytearray(3)\n"
            "esp32.NVS('a').get_blob('b', blob)\n"
            "pool = esp32.idf_heap_info(esp32.HEAP_DATA)\n"
            "print('KEPT', esp32.NVS('a').get_i32('n'), blob, pool)\n"
            "esp32.raw_temperature(), esp32.mcu_temperature()",
            ["KEPT 7 bytearray(b'xyz') []", "machine: NVS: commit"],
        ),
        (
            "import neopixel, dht, onewire, ds18x20, ntptime, bluetooth, espnow, aioespnow\n"
            "from machine import Pin\nlights = neopixel.NeoPixel(Pin(48), 8)\n"
            "lights[0] = (255, 0, 0)\nlights.write()\n"
            "sensor = dht.DHT22(Pin(15))\nsensor.measure()\n"
            "wire = ds18x20.DS18X20(onewire.OneWire(Pin(12)))\nntptime.settime()\n"
            "bluetooth.BLE().active(True)\nespnow.ESPNow().active(True)\n"
            "print('SENSED', lights[0], sensor.temperature(), sensor.humidity(), wire.scan())",
            ["SENSED (255, 0, 0) 21.5 45.0 []", "machine: ntptime: settime"],
        ),
        (
            "import network\nwlan = network.WLAN(network.STA_IF)\nwlan.active(True)\n"
            "print('RADIO', wlan.ifconfig()[0], len(wlan.config('mac')), network.hostname())\n"
            "print('OWN', network.WLAN(network.AP_IF).active())",
            ["RADIO 0.0.0.0 6 mpy-esp32", "OWN False"],
        ),
        ("import umachine, uos, ujson, utime\nutime.sleep_ms(1)\numachine.Pin(2)", []),
    ],
    ids=["pins", "analog", "buses", "board", "esp32", "drivers", "network", "old names"],
)
def test_what_is_at_the_pins_is_there_and_speaks_at_debug(start_board, uses, lines):
    board = start_board(main=APPLICATION % uses, log={"level": "debug"})
    said = "\n".join(board.lines)
    for line in lines:
        assert line in said, said
    assert all(re.match(r"D \(\d+\) machine: ", each) for each in board.lines if "machine:" in each)
    assert board.get("/quick").text == "quick"


def test_without_debug_the_pins_are_silent(start_board):
    board = start_board(main=APPLICATION % "from machine import Pin\nPin(2, Pin.OUT).on()")
    assert board.count_lines("machine:") == 0


@pytest.mark.parametrize("line", ["Pin(99)", "Pin(-1)", "PWM(Pin(2), freq=0)", "WDT(timeout=0)"])
def test_what_a_board_refuses_is_refused(start_board, line):
    uses = f"from machine import *\nfrom machine import Pin, PWM, WDT\ntry:\n    {line}\n"
    board = start_board(main=APPLICATION % f"{uses}except ValueError:\n    print('REFUSED')")
    assert "REFUSED" in board.lines


def test_a_timer_calls_back_while_the_server_runs(start_board):
    uses = "from machine import Timer\n"
    uses += "Timer(0).init(period=20, callback=lambda timer: print('TICK'))\n"
    uses += "Timer(1, mode=Timer.ONE_SHOT, freq=20, callback=lambda timer: print('ONCE'))"
    board = start_board(main=APPLICATION % uses)
    board.wait_line("TICK", board.wait_line("TICK") + 1)
    board.wait_line("ONCE")


def test_a_timer_goes_on_when_its_callback_has_failed(start_board):
    uses = "from machine import Timer\n"
    uses += "Timer(0).init(period=20, callback=lambda timer: 1 // 0)\n"
    board = start_board(main=APPLICATION % uses)
    failed = "lost exception"
    board.wait_line(failed, board.wait_line(failed) + 1)
