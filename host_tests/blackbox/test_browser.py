"""A browser opens the pages: that of the demo, and those of the examples."""

import pytest

from tools.checkout import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "app" / "index.html").read_bytes()
PHONE, DESKTOP = (360, 640), (1280, 800)
MAX_LEN = 4096


def has_page(main):
    return any(main.parent.glob("*.html")) or "text/html" in main.read_text()


WITH_PAGE = [main.parent for main in sorted(EXAMPLES.rglob("main.py")) if has_page(main)]


@pytest.fixture
def demo(start_board, browser):
    """The demo on a board, its page in the browser."""
    board = start_board(demo={"long_ticks": 60, "long_tick_ms": 100})
    browser.resize(*DESKTOP)
    browser.open(f"http://127.0.0.1:{board.port}/")
    return board


def test_the_page_of_the_demo_is_4_kb_at_most_on_the_wire(start_board):
    board = start_board()
    with board.connect() as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while block := client.sock.recv(4096):
            received += block
    assert received.endswith(PAGE) and len(received) <= MAX_LEN


def test_the_links_of_the_vendors_example_are_on_the_page_as_they_are_there(start_board):
    page = start_board().get("/").text
    for route in ("long", "quick"):
        assert f'<div><a href="/{route}">{route}</a></div>' in page


def test_quick_requests_are_answered_beside_long_ones_and_a_third_long_one_is_busy(demo, browser):
    browser.click("#start")
    browser.wait_for("document.querySelector('progress').value > 1")
    browser.wait_for("document.getElementById('said').textContent.includes(' ms')")
    browser.click("#start")
    demo.wait_line("invoking /long", demo.wait_line("invoking /long") + 1)
    browser.click("#start")
    browser.wait_for("document.getElementById('rows').innerText.includes('503 Busy')")
    browser.wait_for("document.getElementById('rows').innerText.includes('#1, 60 lines')")
    assert [line for line in browser.complaints if "503 (Busy)" not in line] == []


def test_a_long_request_is_stopped_by_its_button(demo, browser):
    browser.click("#start")
    browser.wait_for("document.querySelector('progress').value > 1")
    browser.click("li button")
    browser.wait_for("document.getElementById('rows').innerText.includes('stopped')")
    browser.click("li button")
    assert browser.ask("document.querySelectorAll('li').length") == 0


def test_a_board_that_is_gone_is_told(demo, browser):
    demo.stop()
    browser.click("#ask")
    browser.wait_for("document.getElementById('said').textContent == 'no answer'")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_page_fits_the_window_light_and_dark(demo, browser, size):
    colours = set()
    for is_dark in (False, True):
        browser.resize(*size, is_dark)
        assert browser.ask("document.documentElement.scrollWidth") == size[0]
        colours.add(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    assert browser.complaints == []
    assert demo.count_lines("uri: /favicon.ico") == 0


@pytest.mark.parametrize("folder", WITH_PAGE, ids=lambda folder: folder.name)
def test_an_example_shows_its_page_without_complaint(start_board, browser, folder):
    board = start_board(app=folder / "main.py")
    browser.resize(*PHONE)
    browser.open(f"http://127.0.0.1:{board.port}/")
    browser.wait_for("document.readyState == 'complete' && document.body.innerText.trim()")
    assert [line for line in browser.complaints if "/favicon.ico" not in line] == []


def test_what_a_page_that_is_left_complains_of_is_not_of_the_next_one(start_board, browser):
    board = start_board()
    for _ in range(5):
        browser.open(f"http://127.0.0.1:{board.port}/")
        browser.ask("void setInterval(() => fetch('http://127.0.0.1:1/'), 1)")
        browser.wait_for("performance.getEntriesByType('resource').length > 20")
        browser.open(f"http://127.0.0.1:{board.port}/")
        assert browser.complaints == []
