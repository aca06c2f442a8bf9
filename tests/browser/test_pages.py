"""Each kind of page in a real browser: nothing goes wrong, everybody can read it, whatever upstream wrote."""

from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import builders_dashboard as sample
from tests.browser.sample_site import PAGES, QUIET

THEMES = ("light", "dark")
PHONE = {"width": 360, "height": 740}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_from_files_and_from_a_web_server(path, visit, site, server):
    """In both themes there is no message, no failed request and none that leaves home, no dialog; charts are drawn.

    All rules of axe hold, also with all that can be unfolded; it loads no style sheet by itself.
    """
    for home in (site, server):
        for theme in THEMES:
            page = visit(home, theme).open(path)
            assert page.locator("h1").count() == 1
            assert page.locator("button.theme").inner_text() == ("Dark theme" if theme == "light" else "Light theme")
            if home == site:
                page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
                found = Axe().run(page, options={"preload": False}).response["violations"]
                assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_each_page_has_a_title_of_its_own(visit, site):
    """A tab says which page it holds."""
    tab = visit(site)
    titles = {path: tab.open(path).title() for path in PAGES if path != QUIET}
    assert len(set(titles.values())) == len(titles)
    assert all(title.endswith(" · recipeline") for title in titles.values())


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_a_page_without_sideways_scrolling(path, visit, site):
    """360 pixels are enough; what is wider scrolls within itself."""
    page = visit(site, viewport=PHONE).open(path)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_each_link_leads_to_a_page(visit, site):
    """No link of the site is dead; what leads out of it is https and tells nobody where it came from."""
    tab = visit(site)
    for path in PAGES:
        page = tab.open(path)
        links = page.evaluate("[...document.querySelectorAll('a')].map((a) => [a.getAttribute('href'), a.rel])")
        for href, rel in links:
            url = urldefrag(urljoin(page.url, href))
            if not url.url.startswith("file:"):
                assert urlsplit(url.url).scheme == "https"
                assert rel == "noopener noreferrer"
                continue
            target = unquote(urlsplit(url.url).path).removeprefix(f"{site}/")
            assert target in PAGES, (path, href)
            if target == path and url.fragment:
                assert page.locator(f"[id='{url.fragment}']").count() == 1


@pytest.mark.parametrize("path", [sample.PACKAGE.path, "index.html"])
def test_what_upstream_wrote_is_shown_as_text(path, visit, site):
    """A script in a message is read, not run; nothing of it becomes an element."""
    page = visit(site).open(path)
    assert sample.SCRIPT in page.locator("main").inner_text()
    assert (
        page.locator("main img, main [onload], main [onerror], main script:not([type='application/json'])").count() == 0
    )


def test_a_policy_forbids_what_a_page_does_not_need(visit, site, server):
    """Even an injected script or style would not run, from a file or from a server, nor could it call home."""
    for home in (site, server):
        tab = visit(home)
        page = tab.open("index.html")
        page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.pwned = 1";
                document.body.append(script);
                document.body.setAttribute("style", "color: red");
                return fetch("index.html").catch(() => null);
            }"""
        )
        for what in ("inline script", "inline style", "Connecting"):
            assert any(what in problem and "Content Security Policy" in problem for problem in tab.problems), what
        tab.problems.clear()


def test_each_chart_has_a_name_and_its_numbers_in_a_table(visit, site):
    """A chart is an image with a description; what it draws stands in a table next to it."""
    page = visit(site).open("index.html")
    names = [svg.get_attribute("aria-label") for svg in page.locator(".plot > [role='graphics-document']").all()]
    assert names == ["Success rate by day", "Packages by day", "Queue by ecosystem and status"]
    captions = page.locator("table caption").all_text_contents()
    assert {"Packages by day", "Queue by ecosystem and status"} <= set(captions)


def test_the_theme_is_chosen_and_remembered(visit, server):
    """The button turns the page dark, also on the next page; colours of charts follow without being drawn again."""
    page = visit(server, alone=True).open("index.html")
    colours = (
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.plot text')).fill]"
    )
    light = page.evaluate(colours)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(colours)
    assert all(before != after for before, after in zip(light, dark, strict=True))
    page.goto(f"{server}/queue.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_the_content_first(visit, site):
    """The first stop is the way past the navigation; it is seen when it has the focus."""
    page = visit(site).open("index.html")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("(link) => link === document.activeElement && link.getBoundingClientRect().top >= -1000")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("served", [False, True])
def test_a_command_is_copied_by_the_keyboard(served, visit, site, server):
    """The button beside a command copies it and says so, from a file and from a server."""
    tab = visit(server if served else site, permissions=["clipboard-read", "clipboard-write"] if served else [])
    page = tab.open(sample.BATCH_LINK.path)
    command = page.locator("code.command").first.inner_text()
    button = page.get_by_role("button", name=f"Copy the command {command}").first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Copied")
    assert command == f"doit rollback --batch {sample.BATCH}"
    assert not served or page.evaluate("navigator.clipboard.readText()") == command


def test_without_javascript_everything_is_there(browser, site):
    """Tables are complete, and nothing stands there that would need a script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{site}/queue.html")
    assert page.locator("tbody tr").count() == 40
    assert not page.locator(".filter").is_visible()
    assert not page.locator("button.theme").is_visible()
    page.goto(f"file://{site}/index.html")
    assert not page.locator(".plot").first.is_visible()
    context.close()
