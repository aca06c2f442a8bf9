"""Constraints: what passed is admitted, what failed is not, nothing is lost that need not be, in the fewest words."""

from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.constraints import PASSED, admits, admitted, check_strict, derive, shortest_excluding
from pipeline.model import Constraints, VerdictStatus
from pipeline.platforms import ALL_CELLS, ALL_PLATFORMS, BY_ID, CELL_OF, Platform

V = VerdictStatus
ASSIGNMENTS = st.dictionaries(st.sampled_from(sorted(BY_ID)), st.sampled_from(list(V)))
PREDICTIONS = st.sampled_from(["report", "restrict"])


def failing(statuses, predictions):
    """Return the platforms that must not be admitted."""
    kinds = {V.FAILED, V.PREDICTED_FAIL} if predictions == "restrict" else {V.FAILED}
    return {name for name, status in statuses.items() if status in kinds}


def reads(constraints, platform):
    """Read constraints as recipe-format.md says, written apart from the code under test."""
    arch = {"x86_64": "amd64", "arm64": "arm64"}[platform.arch]
    if constraints.supported_os and platform.os not in constraints.supported_os:
        return False
    if constraints.supported_arch and arch not in constraints.supported_arch:
        return False
    if platform.os == "linux" and constraints.supported_libc and platform.libc not in constraints.supported_libc:
        return False
    denied = [f"{platform.os}/{arch}"] + ([f"{platform.os}/{arch}/{platform.libc}"] if platform.os == "linux" else [])
    return not any(entry in constraints.unsupported_platforms for entry in denied)


def all_subsets(items):
    """Return every subset of some items."""
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


@given(ASSIGNMENTS, PREDICTIONS)
def test_no_failed_platform_is_admitted(statuses, predictions):
    """Whatever else is known, a platform that failed is excluded."""
    derived = derive(statuses, predictions=predictions, reasons={})
    assert not any(reads(derived.constraints, BY_ID[name]) for name in failing(statuses, predictions))


@given(ASSIGNMENTS, PREDICTIONS)
def test_every_other_platform_is_admitted_unless_it_shares_a_cell_with_a_failure(statuses, predictions):
    """Passed and undecided platforms are lost only where the format cannot tell them from a failed one."""
    derived = derive(statuses, predictions=predictions, reasons={})
    cells = {CELL_OF[name] for name in failing(statuses, predictions)}
    kept = {platform.id for platform in ALL_PLATFORMS if CELL_OF[platform.id] not in cells}
    assert {platform.id for platform in ALL_PLATFORMS if reads(derived.constraints, platform)} == kept


@given(ASSIGNMENTS, PREDICTIONS)
def test_what_is_excluded_without_having_failed_is_named(statuses, predictions):
    """A pass that an exclusion takes along is never silent; nothing else is named."""
    derived = derive(statuses, predictions=predictions, reasons={})
    failed = failing(statuses, predictions)
    excluded = {name for name in statuses if not reads(derived.constraints, BY_ID[name])}
    assert set(derived.over_excluded) == excluded - failed


@given(ASSIGNMENTS, PREDICTIONS)
def test_strict_mode_refuses_exactly_the_empty_result(statuses, predictions):
    """What is derived passes the reader's strict mode, unless no platform is left."""
    derived = derive(statuses, predictions=predictions, reasons={})
    assert bool(check_strict(derived.constraints)) == derived.empty
    assert derived.empty == (not admitted(derived.constraints))


@given(ASSIGNMENTS, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_does_not_matter(statuses, random):
    """Verdicts may arrive in any order; the recipe's bytes must not depend on it."""
    reasons = {name: f"reason {len(name)}" for name in statuses}
    shuffled = list(statuses.items())
    random.shuffle(shuffled)
    first = derive(statuses, predictions="report", reasons=reasons)
    assert derive(dict(shuffled), predictions="report", reasons=reasons) == first


@given(ASSIGNMENTS)
def test_only_failures_limit(statuses):
    """Infrastructure errors, unknowns, predictions and platforms that were not run never exclude anything."""
    harmless = {name: status for name, status in statuses.items() if status != V.FAILED}
    assert derive(harmless, predictions="report", reasons={}).constraints == Constraints()


@given(st.lists(st.sampled_from(["darwin", "linux"]), unique=True), st.lists(st.sampled_from(["amd64", "arm64"])))
def test_writer_and_reader_agree_on_any_constraints(oses, arches):
    """The reader of the package and the one written down in this test say the same for each platform."""
    for libcs, denied in product(
        [[], ["glibc"], ["musl"]], [[], ["linux/amd64"], ["linux/arm64/musl", "darwin/arm64"]]
    ):
        limits = Constraints(
            supported_os=oses, supported_arch=arches, supported_libc=libcs, unsupported_platforms=denied
        )
        assert all(admits(limits, platform) == reads(limits, platform) for platform in ALL_PLATFORMS)


def test_no_shorter_expression_exists():
    """For each of the 64 sets of excluded cells, a search over all expressions finds none that is shorter."""
    entries = ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"]
    entries += [f"linux/{arch}/{libc}" for arch in ("amd64", "arm64") for libc in ("glibc", "musl")]
    one_per_cell = {cell: next(p for p in ALL_PLATFORMS if CELL_OF[p.id] == cell) for cell in ALL_CELLS}
    shortest: dict[frozenset, tuple[int, int]] = {}
    lists = product(
        [[], ["linux"], ["darwin"]], [[], ["amd64"], ["arm64"]], [[], ["glibc"], ["musl"]], all_subsets(entries)
    )
    for oses, arches, libcs, denied in lists:
        limits = Constraints(
            supported_os=oses, supported_arch=arches, supported_libc=libcs, unsupported_platforms=list(denied)
        )
        excluded = frozenset(cell for cell, platform in one_per_cell.items() if not reads(limits, platform))
        length = length_of(limits)
        shortest[excluded] = min(length, shortest.get(excluded, length))
    assert len(shortest) == 64
    for excluded, length in shortest.items():
        assert length_of(shortest_excluding(excluded)) == length, excluded


def length_of(limits):
    """Return (keys, entries) of constraints."""
    lists = [limits.supported_os, limits.supported_arch, limits.supported_libc, limits.unsupported_platforms]
    return sum(1 for each in lists if each), sum(len(each) for each in lists)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (["linux-alpine-musl-x86_64", "linux-alpine-musl-arm64"], Constraints(supported_libc=["glibc"])),
        (["linux-alpine-musl-x86_64"], Constraints(unsupported_platforms=["linux/amd64/musl"])),
        (["darwin-arm64", "darwin-x86_64"], Constraints(supported_os=["linux"])),
        (["linux-debian-glibc-arm64", "linux-alpine-musl-arm64"], Constraints(unsupported_platforms=["linux/arm64"])),
        (
            ["linux-suse-glibc-arm64", "linux-alpine-musl-arm64", "darwin-arm64"],
            Constraints(supported_arch=["amd64"]),
        ),
    ],
)
def test_each_limit_takes_the_key_that_says_it_best(failed, expected):
    """What people would write by hand is what is derived."""
    derived = derive(dict.fromkeys(failed, V.FAILED), predictions="report", reasons={})
    assert derived.constraints.unsupported_reason
    limits = [derived.constraints.supported_os, derived.constraints.supported_arch, derived.constraints.supported_libc]
    assert limits == [expected.supported_os, expected.supported_arch, expected.supported_libc]
    assert derived.constraints.unsupported_platforms == expected.unsupported_platforms


def test_a_family_that_fails_takes_the_families_that_passed_along_and_says_so():
    """The format cannot exclude one family: the cell goes, and the pass is named."""
    statuses = {"linux-debian-glibc-x86_64": V.VALIDATED, "linux-arch-glibc-x86_64": V.FAILED}
    derived = derive(statuses, predictions="report", reasons={"linux-arch-glibc-x86_64": "needs Python 3.10"})
    assert derived.constraints.unsupported_platforms == ["linux/amd64/glibc"]
    assert derived.over_excluded == ("linux-debian-glibc-x86_64",)
    assert statuses[derived.over_excluded[0]] in PASSED
    assert derived.constraints.unsupported_reason == "needs Python 3.10 (linux-arch-glibc-x86_64)"


def test_one_cause_is_said_once_for_all_its_platforms():
    """The reason is one printable line of at most 200 characters, whatever upstream printed."""
    musl = ["linux-alpine-musl-arm64", "linux-alpine-musl-x86_64"]
    same = derive(
        dict.fromkeys(musl, V.FAILED), predictions="report", reasons=dict.fromkeys(musl, "no\nmusl\x1b[0m build")
    )
    assert same.constraints.unsupported_reason == f"no musl [0m build ({', '.join(musl)})"
    long = derive({musl[0]: V.FAILED}, predictions="report", reasons={musl[0]: "é\u202e" * 5_000})
    assert len(long.constraints.unsupported_reason) == 200
    assert long.constraints.unsupported_reason.isprintable()


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        (Constraints(unsupported_platforms=["linux/debian"]), "'linux/debian' is not understood"),
        (Constraints(unsupported_platforms=["darwin/arm64/glibc"]), "is not understood"),
        (Constraints(supported_os=["linux"], unsupported_platforms=["darwin/arm64"]), "has no effect"),
        (Constraints(supported_arch=["arm64"], unsupported_platforms=["linux/amd64/musl"]), "has no effect"),
        (Constraints(supported_os=["windows"]), "'windows' is not understood"),
        (Constraints(supported_arch=["x86_64"]), "'x86_64' is not understood"),
        (Constraints(supported_libc=["uclibc"]), "'uclibc' is not understood"),
        (Constraints(supported_os=["darwin"], unsupported_platforms=["darwin/amd64", "darwin/arm64"]), "is left"),
    ],
)
def test_strict_mode_names_what_it_refuses(constraints, words):
    """A constraint without effect or without a result is a defect, named with its place."""
    defects = check_strict(constraints)
    assert any(words in defect.rule for defect in defects)
    assert all(defect.pointer.startswith("/metadata") and defect.remedy for defect in defects)


def test_an_entry_that_is_not_understood_has_no_effect():
    """`linux/debian` was once written by such a pipeline; the reader goes on installing on Debian."""
    debian = Platform(os="linux", family="debian", libc="glibc", arch="x86_64")
    assert admits(Constraints(unsupported_platforms=["linux/debian"]), debian)
