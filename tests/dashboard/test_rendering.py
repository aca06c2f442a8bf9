"""Templates: what is inserted is text, what is missing is an error, what leads away is an address."""

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.control.budget import BudgetState
from pipeline.dashboard import marks, rendering
from pipeline.dashboard.views.base import PageLink
from pipeline.dashboard.views.overview import Health
from pipeline.model import AttemptOutcome, BatchState, BreakerState, Decision, EntryStatus, VerdictStatus
from tests import builders_dashboard as sample

KINDS = (AttemptOutcome, BatchState, BudgetState, Decision, EntryStatus, Health, VerdictStatus)


def test_each_status_has_a_sign_a_word_and_a_tone():
    """A new status without a mark would break a page."""
    assert {status for kind in KINDS for status in kind} <= marks.MARKS.keys()
    assert set(BreakerState) == marks.BREAKER_MARKS.keys()
    assert "predicted pass" in rendering.badge("predicted_pass")
    assert rendering.badge("closed") != rendering.breaker("closed")


def test_a_missing_value_is_an_error():
    """A page with a hole is never written."""
    with pytest.raises(jinja2.UndefinedError, match="view"):
        rendering.render("queue.html", root="", rows=[])


@given(st.text())
def test_a_page_holds_no_character_that_hides(text):
    """Markup is escaped, and what turns around, hides or is forbidden becomes U+FFFD; all else stays as it is."""
    shown = rendering.link(PageLink(text=text), "")
    assert not rendering.UNSEEN.search(shown)
    assert "<" not in shown.removeprefix("<bdi>").removesuffix("</bdi>")
    assert rendering.visible(shown) is shown


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//elsewhere.example", "https://", "x y"])
def test_only_a_web_address_becomes_a_link(url):
    """What a browser would run or guess at is shown as text."""
    assert "href" not in rendering.address(url)
    assert 'href="https://forge.example/a"' in rendering.address("https://forge.example/a")


def test_a_command_in_a_remedy_can_be_copied():
    """Only what stands in backticks is code; what upstream wrote into the sentence is escaped."""
    shown = rendering.ticks("run `doit status`, see `pipeline.yaml` <b>")
    assert shown == 'run <code class="command">doit status</code>, see <code>pipeline.yaml</code> &lt;b&gt;'


def test_the_overview_is_small():
    """Its limit is 300 kB without the vendored library."""
    page = rendering.render("overview.html", view=sample.overview(), root="")
    own = sum(path.stat().st_size for path in rendering.ASSETS.iterdir() if path.is_file())
    assert len(page.encode()) + own < 300_000
