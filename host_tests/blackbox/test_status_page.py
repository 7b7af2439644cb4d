"""A browser opens `/status`, on a phone and at a desk."""

import pytest

PASSWORD = "geheim"
PHONE, DESKTOP = (390, 844), (1280, 900)
LIVE = "document.getElementById('state').className == 'live'"


def text_of(name):
    return f"document.getElementById('{name}').textContent"


@pytest.fixture
def page(start_board, browser):
    """A board, its page in the browser."""
    board = start_board(demo={"long_ticks": 60, "long_tick_ms": 50}, status={"password": PASSWORD})
    browser.resize(*DESKTOP)
    browser.open(f"http://admin:{PASSWORD}@127.0.0.1:{board.port}/status")
    browser.wait_for(LIVE)
    return board


def test_the_page_follows_the_board(page, browser):
    page.get("/quick")
    browser.wait_for(f"{text_of('log')}.includes('uri: /quick')")
    assert browser.ask(text_of("sockets")).endswith(" of 7")
    browser.wait_for("document.querySelector('#rateline polyline').getAttribute('points')")
    assert browser.complaints == []


def test_long_and_quick_are_tried_side_by_side(page, browser):
    browser.click("#startlong")
    browser.wait_for("document.querySelector('progress').value > 1")
    browser.click("#ask")
    browser.wait_for(f"{text_of('quick')}.includes(' ms')")
    browser.click("#startlong")
    page.wait_line("invoking /long", page.wait_line("invoking /long") + 1)
    browser.click("#startlong")
    browser.wait_for(f"{text_of('longs')}.includes('503 Busy')")
    browser.wait_for(f"{text_of('longs')}.includes('61 lines, done')")
    browser.wait_for(f"{text_of('refused')} == 'refused 1'")
    assert [line for line in browser.complaints if "503 (Busy)" not in line] == []


def test_a_board_that_is_gone_is_told(page, browser):
    page.stop()
    browser.wait_for(f"{text_of('state')}.startsWith('no answer')")


def test_what_a_client_sends_is_text_in_the_log_and_no_markup(page, browser):
    page.get("/<img/src=x/onerror=alert(1)>")
    browser.wait_for(f"{text_of('log')}.includes('<img/src')")
    assert browser.ask("document.querySelectorAll('img').length") == 0


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_page_fits_the_window_light_and_dark(page, browser, size):
    colours = set()
    for is_dark in (False, True):
        browser.resize(*size, is_dark)
        assert browser.ask("document.documentElement.scrollWidth <= innerWidth")
        colours.add(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    assert page.count_lines("uri: /favicon.ico") == 0
