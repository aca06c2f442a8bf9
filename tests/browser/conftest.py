"""A real Chromium, the site as files and on a web server of its own, and pages that note whatever goes wrong."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import sample_site

NAMES = ("chromium", "chromium-browser", "google-chrome")
FEW, ALL = 40, 5305


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format, *arguments):  # noqa: A002  # the name is the library's
        """Say nothing."""


class Visit:
    """One tab of a browser. `problems` are messages, errors, dialogs, failed requests, and requests that leave home."""

    def __init__(self, context, home):
        self.home, self.problems, self.page = home, [], context.new_page()
        self.page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("requestfailed", self._fail)
        self.page.on("request", self._watch)
        self.page.on("response", self._judge)
        self.page.on("dialog", self._dismiss)

    def open(self, path):
        """Open one of the site's pages, and return it once its scripts have run and its charts are drawn."""
        self.page.goto(f"{self.home}/{path}")
        # Waiting for an expression would evaluate a string in the page, which its policy forbids.
        expect(self.page.locator(".plot:not(:has(svg))")).to_have_count(0)
        return self.page

    def _watch(self, request):
        if not request.url.startswith(self.home):
            self.problems.append(f"request: {request.url}")

    def _fail(self, request):
        # A visit that goes on to the next page gives up what the last one was still loading, such as its icon.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url}")

    def _judge(self, response):
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def _dismiss(self, dialog):
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="package")
def browser():
    """Chromium as the distribution has it; what needs it is skipped without one.

    It ends with this folder's tests, as does the server's thread: others look for leftovers of their own.
    """
    program = next((found for found in map(shutil.which, NAMES) if found), None)
    if program is None:
        pytest.skip("there is no Chromium: install your distribution's, such as Debian's package `chromium`")
    with sync_playwright() as playwright:
        # Its own sandbox needs rights that a container seldom has; it opens nothing but our own files here.
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """A site with a short queue."""
    return sample_site.write(tmp_path_factory.mktemp("site") / "short", FEW)


@pytest.fixture(scope="package")
def long_site(tmp_path_factory):
    """A site with the queue of 5,305 entries."""
    return sample_site.write(tmp_path_factory.mktemp("site") / "long", ALL)


@pytest.fixture(scope="package")
def server(site):
    """The address of a web server that serves the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture(scope="package")
def contexts(browser):
    """The browser's context for each theme, shared by tabs that choose nothing: to make one takes long."""
    return {theme: browser.new_context(color_scheme=theme) for theme in ("light", "dark")}


@pytest.fixture
def visit(browser, contexts):
    """Opens a tab: `visit(home, theme, **options of the browser's context)`; nothing may go wrong in any of them.

    One that leaves something behind for later visits, such as a chosen theme, is `alone`, as is one with options.
    """
    opened = []

    def open_tab(home, theme="light", *, alone=False, **options):
        own = browser.new_context(color_scheme=theme, **options) if alone or options else None
        tab = Visit(own or contexts[theme], str(home) if str(home).startswith("http") else f"file://{home}")
        opened.append((own or tab.page, tab))
        return tab

    yield open_tab
    for closed, tab in opened:
        pwned = tab.page.evaluate("window.pwned")
        closed.close()
        assert (tab.problems, pwned) == ([], None)
