"""What uv's answers say about each platform. The outputs are uv 0.13's."""

import pytest

from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox import uv_resolve
from tests.fakes_sandbox import answer

ALPINE = BY_ID["linux-alpine-musl-x86_64"]
UV_SAYS = "error: No solution found when resolving dependencies\n  cause: Because "


def test_families_with_one_libc_share_a_resolution():
    """Eleven platforms are six resolutions, at the oldest C library."""
    targets = {uv_resolve.floor_target(platform) for platform in ALL_PLATFORMS}
    assert len(targets) == 6
    assert uv_resolve.floor_target(BY_ID["linux-debian-glibc-arm64"]) == "aarch64-manylinux_2_28"


def test_a_family_has_the_library_of_its_oldest_release():
    """Debian can install what RHEL 8 cannot; musl and darwin know one level only."""
    assert uv_resolve.own_target(BY_ID["linux-debian-glibc-x86_64"]) == "x86_64-manylinux_2_36"
    assert uv_resolve.own_target(BY_ID["linux-rhel-glibc-x86_64"]) == "x86_64-manylinux_2_28"
    for platform in (ALPINE, BY_ID["darwin-arm64"]):
        assert uv_resolve.own_target(platform) == uv_resolve.floor_target(platform)


def test_a_cache_that_is_not_enough_is_no_answer():
    """A refusal for want of a network is told from a refusal for want of a wheel."""
    hint = "hint: Packages were unavailable because the network was disabled."
    assert uv_resolve.lacks_metadata(answer(f"{UV_SAYS}a was not found in the cache\n\n{hint}", 1))
    assert not uv_resolve.lacks_metadata(answer(f"{UV_SAYS}a==1 has no usable wheels", 1))


def test_a_resolution_is_a_predicted_pass():
    """Status 0 means a wheel for every package."""
    assert uv_resolve.predict(answer("tool==1.0\n"), ALPINE).status == "predicted_pass"


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (
            "torch==2.4 has no wheels with a matching platform tag (e.g., `musllinux_1_2_x86_64`) and x",
            "no_platform_build: torch 2.4 has no wheels with a matching platform tag (e.g., `musllinux_1_2_x86_64`)",
        ),
        ("docopt==0.6.2 has no usable wheels and you require", "no_platform_build: docopt 0.6.2 has no usable wheels"),
        (
            "only a[extra]<=2.0 is available and a[extra]==2.0 has no\n        usable wheels, we can",
            "no_platform_build: a 2.0 has no usable wheels",
        ),
        ("all of: c[x]==1.0 c[x]>=2.1,<=2.7 have no usable wheels and", "no_platform_build: c has no usable wheels"),
        ("all versions of b have no usable wheels and tool==1", "no_platform_build: b has no usable wheels"),
    ],
)
def test_a_refusal_names_the_package_without_a_wheel(cause, reason):
    """The package that stands in the way is named, also when uv wraps its explanation."""
    found = uv_resolve.predict(answer(UV_SAYS + cause, 1), ALPINE)
    assert (found.status, found.reason) == ("predicted_fail", reason)


@pytest.mark.parametrize(
    "output",
    [
        f"{UV_SAYS}the current Python version (3.11.7) does not satisfy Python>=3.12 and a==1 depends on Python>=3.12",
        f"{UV_SAYS}there is no version of tool==99 and you require tool==99",
        "",
    ],
)
def test_what_says_nothing_of_the_platform_stays_unknown(output):
    """An old Python here, a version that is gone, or silence are no refusal of a platform."""
    assert uv_resolve.predict(answer(output, 1), ALPINE).status == "unknown"
