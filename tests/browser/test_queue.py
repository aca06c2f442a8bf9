"""The queue of 5,305 entries in a real browser: sorted, filtered, sent to somebody.

Elements are found by selectors and read as `textContent`: roles and `innerText` need the layout of every row.
"""

import pytest
from playwright.sync_api import expect


def shown(page):
    """Return the sources of the rows that are in sight of the filter, in their order."""
    return page.evaluate(
        "[...document.querySelectorAll('tbody tr:not([hidden])')].map((row) => row.cells[0].textContent)"
    )


def column(page, place):
    """Return the texts of one column of all rows that are shown."""
    return page.evaluate(
        "(n) => [...document.querySelectorAll('tbody tr:not([hidden])')].map((row) => row.cells[n].textContent)", place
    )


@pytest.fixture
def queue(visit, long_site):
    """The queue's page, opened."""
    return visit(long_site, viewport={"width": 1280, "height": 900}).open("queue.html")


def test_all_entries_are_there(queue):
    """Each of the 5,305 can be found by the browser's own search, as it is in the page."""
    assert len(shown(queue)) == 5305
    assert queue.locator("output").inner_text() == "all 5,305"


def test_a_heading_sorts_upwards_downwards_and_back(queue):
    """Numbers are sorted as numbers; what is not known comes last; a third press restores the order of the page."""
    before = shown(queue)
    head = queue.locator("th[data-name=place]")
    button = head.locator("button")
    for direction, factor in (("ascending", 1), ("descending", -1)):
        button.click()
        assert head.get_attribute("aria-sort") == direction
        places = column(queue, 6)
        known = [int(place) for place in places if place]
        assert known == sorted(known, reverse=factor < 0)
        assert places == [*map(str, known), *[""] * (5305 - len(known))]
    button.click()
    assert head.get_attribute("aria-sort") is None
    assert shown(queue) == before


def test_the_keyboard_sorts(queue):
    """A heading is a button: Enter sorts, and the focus stays on it."""
    button = queue.locator("th[data-name=tries] button")
    button.focus()
    queue.keyboard.press("Enter")
    assert column(queue, 7)[0] == "0"
    assert button.evaluate("(one) => one === document.activeElement")


def test_the_keyboard_goes_to_a_package_and_back(visit, site):
    """Filter, sort, open a package and go back by keys alone: the same rows are there again, in the same order."""
    page = visit(site).open("queue.html")
    page.locator("[name=q]").focus()
    page.keyboard.type("biome")
    page.locator("th[data-name=source] button").focus()
    page.keyboard.press("Enter")
    before, fragment = shown(page), page.url.partition("#")[2]
    assert before
    page.locator("tbody tr:not([hidden]) a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("npm:@biomejs/biome")
    page.go_back()  # a browser without a window has no key for that
    assert page.url.partition("#")[2] == fragment
    expect(page.locator("output")).to_contain_text(" of 40")
    assert shown(page) == before


def test_words_and_choices_filter_together(queue):
    """Each word must stand somewhere in a row; the count is told to those who hear the page."""
    queue.locator("[name=q]").fill("TOOL-12 npm:")
    assert set(column(queue, 2)) == {"npm"}
    assert all("tool-12" in source for source in shown(queue))
    queue.locator("[name=status]").select_option("failed")
    left = column(queue, 4)
    assert left
    assert all("failed" in status for status in left)
    assert queue.locator("output").inner_text() == f"{len(left)} of 5,305"
    queue.locator("button[type=reset]").click()
    expect(queue.locator("output")).to_have_text("all 5,305")


def test_the_address_keeps_what_is_chosen(queue, visit, long_site):
    """Who opens the address that somebody sent sees the same rows in the same order."""
    queue.locator("[name=ecosystem]").select_option("cargo")
    queue.locator("[name=priority]").select_option("2")
    queue.locator("[name=q]").fill("tool-1")
    queue.locator("th[data-name=source] button").click()
    fragment = queue.url.partition("#")[2]
    assert fragment == "q=tool-1&ecosystem=cargo&priority=2&sort=source"
    other = visit(long_site).open(f"queue.html#{fragment}")
    assert shown(other) == shown(queue)
    assert len(shown(other)) > 10


@pytest.mark.parametrize("fragment", ["ecosystem=<img>&sort=nothing", "%", "q=%00", "status=pending&status=failed"])
def test_an_address_that_makes_no_sense_does_no_harm(fragment, visit, site):
    """What no field knows is not chosen."""
    page = visit(site).open(f"queue.html#{fragment}")
    assert page.locator("tbody tr").count() == 40
