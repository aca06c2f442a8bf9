"""What a person sees of the metrics."""

import io
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.commands.metrics_view import view
from pipeline.history.report import Query, report
from pipeline.history.service_levels import Milestone, Share
from pipeline.history.wording import percent
from pipeline.instants import timestamp
from pipeline.model import BatchState, EcosystemCounts, Traffic, VerdictStatus
from pipeline.platforms import BY_ID
from pipeline.text import duration
from tests.builders import NOW, config, entry
from tests.builders_alarm import alarm
from tests.builders_metrics import ANY_METRICS, counts, metrics

HOURS = 48
LARGE = 99_999
LARGEST = EcosystemCounts(**dict.fromkeys(EcosystemCounts.__struct_fields__, LARGE))
EVERYTHING = metrics(
    999,
    batch_id="2026-03-02-homebrew-999",
    ecosystems=dict.fromkeys(config().ecosystems, LARGEST),
    platforms={name: dict.fromkeys(VerdictStatus, LARGE) for name in BY_ID},
    traffic={
        name: Traffic(requests=LARGE, cache_hits=LARGE, not_modified=LARGE, bytes=10**12, failed_tries=9, waited=10**6)
        for name in config().ecosystems
    },
    stage_seconds={"generate": 1e6, "validate": 1e6},
    minutes={"linux": 1e6, "macos": 1e6},
    cost=99_999,
)


def shown(*every, query=None, width=80, entries=(), ledger=(), now=NOW, terminal=False, alarms=()) -> str:
    """Return what a console of so many columns shows."""
    answer = report(query or Query(), every, entries, ledger, HOURS, now, alarms=alarms)
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, force_terminal=terminal, legacy_windows=False)
    console.print(view(answer, width))
    return file.getvalue()


def rows(text: str) -> dict[str, list[str]]:
    """Return the words of each line behind its first."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}


# ------------------------------------------------------------------------------------ room


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_largest_numbers_fit(width):
    """All ecosystems, all platforms with all statuses, counts of five digits: nothing is cut or wrapped in a table."""
    text = shown(EVERYTHING, width=width, entries=[entry("npm:a")])
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for name in [*config().ecosystems, *BY_ID]:
        assert name in text
    assert "2026-03-02-homebrew-999" in text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "-"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (99_999, "99.9k"),
        (100_000, "100k"),
        (999_999, "999k"),
        (1_000_000, "1.0M"),
        (123_456_789, "123M"),
    ],
)
def test_the_platforms_counts_are_short(count, text):
    """Eight of them stand beside the longest name."""
    line = metrics(platforms={"darwin-arm64": {VerdictStatus.VALIDATED: count, VerdictStatus.FAILED: 1}})
    expected = [text, "1"] if count else ["1"]
    assert rows(shown(line))["darwin-arm64"] == expected


@given(every=st.lists(ANY_METRICS, max_size=3))
def test_any_numbers_can_be_shown_without_colours_on_a_pipe(every):
    """No escape sequence, no line beyond the edge, whatever the numbers."""
    text = shown(*every, width=120)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_terminal_gets_colours():
    """The failed and the validated stand out."""
    assert "\x1b[" in shown(EVERYTHING, terminal=True)


# ------------------------------------------------------------------------------------ numbers


def test_the_tables_show_the_numbers():
    """Each ecosystem, and all of them together when there are several."""
    line = metrics(
        ecosystems={"npm": counts(1, 2, 1, 3), "pypi": counts(excluded=2)},
        platforms={"darwin-arm64": {VerdictStatus.VALIDATED: 3, VerdictStatus.FAILED: 1}},
        traffic={"npm": Traffic(requests=10, cache_hits=10, not_modified=5, bytes=2_500_000, waited=90)},
    )
    found = rows(shown(line))
    assert found["packages"] == [*EcosystemCounts.__struct_fields__, "rate"]
    assert found["all"] == ["6", "6", "1", "1", "4", "1", "3", "16.6", "%"]
    assert found["darwin-arm64"] == ["3", "1"]
    assert found["traffic"][0] == "requests"
    assert shown(line).count("75.0 %") == 2  # the share of answers without a body: in the table, and as a service level
    assert "2.5" in shown(line)
    assert found["2026-03-02-mixed-001"] == ["2026-03-02", "12:00", "6", "1", "16.6", "%", "1.00"]


def test_one_ecosystem_needs_no_sum():
    """A row `all` would only repeat it."""
    assert "all" not in rows(shown(metrics()))


def test_the_service_levels_are_sentences_with_numbers():
    """Rate, age, times, cost and last success of a small pipeline."""
    hour = timedelta(hours=1)
    every = [metrics(1, at=NOW - 3 * hour), metrics(2, at=NOW - hour, ecosystems={"pypi": counts(excluded=1)}, cost=3)]
    times = {"created_at": timestamp(NOW - 4 * hour), "published_at": timestamp(NOW - 3 * hour)}
    ledger = [
        Milestone(batch_id=every[0].batch_id, state=BatchState.MERGED, at=timestamp(NOW), **times),
    ]
    entries = [entry("npm:a", added_at=timestamp(NOW - timedelta(days=4))), entry("npm:b")]
    text = " ".join(shown(*every, entries=entries, ledger=ledger).split())
    for said in (
        "success 33.3 % (1 of 3 attempted): npm 50.0 %, pypi 0 %",
        "queue age p50 4.0 d, p95 4.0 d, 1 pending; 1 more of unknown age",
        "cycle time to publication p50 1.0 h, p95 1.0 h (1 batch); to merge p50 4.0 h, p95 4.0 h (1)",
        "cost of a recipe 4.00 weighted minutes (4.00 for 1 recipe)",
        "last success 3.0 h ago, in 2026-03-02-mixed-001: npm 3.0 h ago, pypi none in 1.0 h",
        "alarm none; it rings after 48 h without a recipe",
    ):
        assert said in text


def test_before_the_first_batch_it_says_so():
    """No table of zeros; the age of the queue is known all the same."""
    text = shown(entries=[entry("npm:a", added_at=timestamp(NOW - timedelta(days=4)))])
    assert text.startswith("No batch yet: ")
    assert "packages" not in text
    assert "p50 4.0 d" in text
    assert "no batch yet" in text


def test_a_query_that_no_batch_matches_says_so():
    """There are batches, but not those."""
    text = shown(metrics(), query=Query(ecosystem="cargo"))
    assert text.startswith("No batch matches, of 1 batch in all.")


def test_an_ecosystems_cost_says_that_it_is_that_of_all():
    """Minutes are not told apart by ecosystem."""
    text = " ".join(shown(metrics(), query=Query(ecosystem="npm")).split())
    assert "Work of all ecosystems in these batches" in text
    assert "for 1 recipe, of all ecosystems)" in text


def test_an_alarm_is_shown():
    """As the last lines, beside the exit code."""
    text = shown(metrics(), alarms=[alarm(value="no recipe for 49 h"), alarm(value="not merged for 9 d")])
    assert [line.strip() for line in text.splitlines()[-2:]] == [
        "✗ alarm              no recipe for 49 h",
        "✗ alarm              not merged for 9 d",
    ]


def test_many_alarms_leave_room_for_the_numbers():
    """A registry that changed all its files must not push the tables off the screen."""
    text = shown(metrics(), alarms=[alarm(value=f"package {number}") for number in range(99)])
    assert [line.strip() for line in text.splitlines()[-2:]] == [
        "✗ alarm              package 9",
        "and 89 others (`doit check` shows all)",
    ]


# ------------------------------------------------------------------------------------ words


@given(part=st.integers(0, 10**6), more=st.integers(0, 10**6))
def test_only_all_is_100_percent_and_only_none_is_0(part, more):
    """A rate that is rounded up to 100 % would say that nothing failed; what is shown is never more than is true."""
    whole = part + more
    text = percent(Share(part=part, whole=whole, rate=part / whole if whole else None))
    assert (text == "100 %") == (whole > 0 and more == 0)
    assert (text == "0 %") == (whole > 0 and part == 0)
    if whole:
        number = float(text.removesuffix(" %"))
        assert number <= part / whole * 100 < number + (0.1 if number >= 1 else 0.01) + 1e-9


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0, "0 s"),
        (0.001, "4 s"),
        (0.5, "30 min"),
        (0.9999, "1.0 h"),
        (1, "1.0 h"),
        (47.9, "47.9 h"),
        (48, "2.0 d"),
        (2400, "100.0 d"),
    ],
)
def test_durations(hours, text):
    """In the unit in which people think of them."""
    assert duration(hours) == text
