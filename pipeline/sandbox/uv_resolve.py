"""What uv's resolution for another platform says about a package: pure interpretation of its answers.

`uv pip compile --python-platform T --only-binary :all:` exits with 0 when every package of the tree has a wheel that
T can install. The version must be pinned: unpinned, uv quietly picks an old release that has one.
"""

import re
from typing import Literal

from pipeline.model import Prediction
from pipeline.platforms import Platform
from pipeline.sandbox.base import PhaseOutput

# uv takes musl as 1.2, which Alpine has had since 3.13.
_TARGETS = {
    ("linux", "musl", "x86_64"): "x86_64-unknown-linux-musl",
    ("linux", "musl", "arm64"): "aarch64-unknown-linux-musl",
    ("darwin", "", "x86_64"): "x86_64-apple-darwin",
    ("darwin", "", "arm64"): "aarch64-apple-darwin",
}
_MANYLINUX_ARCH = {"x86_64": "x86_64", "arm64": "aarch64"}
# glibc of the oldest release of a family that has general support: RHEL 8 (2.28), Debian 12 (2.36), SUSE 15 SP6
# (2.38). Arch rolls; 2.40 is the newest that uv knows. What the oldest can install, all can.
_OLDEST_GLIBC = "2_28"
_GLIBC = {"rhel": "2_28", "debian": "2_36", "suse": "2_38", "arch": "2_40"}

_NO_WHEEL = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?((?:===?|[<>~!]=?)[^ ]+)? (?:has|have) "
    r"(no (?:usable wheels|wheels(?: with a matching (?:platform|Python \w+) tag(?: \(e\.g\., [^)]*\))?)?))"
)
_NEEDS_PYTHON = re.compile(r"does not satisfy (Python ?[<>=!~][^ ]+)")
_INCOMPLETE_CACHE = re.compile(r"network was disabled|not found in the cache")


def floor_target(platform: Platform) -> str:
    """Return uv's name of a platform at the oldest C library in question; families share it."""
    if platform.libc == "glibc":
        return f"{_MANYLINUX_ARCH[platform.arch]}-manylinux_{_OLDEST_GLIBC}"
    return _TARGETS[platform.os, platform.libc, platform.arch]


def own_target(platform: Platform) -> str:
    """Return uv's name of a platform with the C library of its own family; asked only where the oldest is refused."""
    if platform.libc == "glibc":
        return f"{_MANYLINUX_ARCH[platform.arch]}-manylinux_{_GLIBC[platform.family]}"
    return floor_target(platform)


def lacks_metadata(answer: PhaseOutput) -> bool:
    """Say whether a resolution without a network ended because its cache was not enough."""
    return answer.result.exit_code != 0 and _INCOMPLETE_CACHE.search(answer.output) is not None


def predict(answer: PhaseOutput, platform: Platform) -> Prediction:
    """Return what one resolution says. An answer that names no cause is unknown, never a refusal."""
    if answer.result.exit_code == 0:
        return prediction(platform, "predicted_pass", "every package of the tree has a wheel for this platform")
    text = " ".join(answer.output.split())  # uv indents its explanation over several lines
    if found := _NO_WHEEL.search(text):
        package, release, why = found.groups(default="")
        # Of a range, uv has looked at several releases: the range says nothing to a reader.
        named = f"{package} {release.removeprefix('==')}" if release.startswith("==") else package
        return prediction(platform, "predicted_fail", f"no_platform_build: {named} has {why}")
    if found := _NEEDS_PYTHON.search(text):
        return prediction(platform, "unknown", f"runtime_too_old: the tree needs {found.group(1)}, not the Python here")
    return prediction(platform, "unknown", "uv named no cause that lies with this platform")


def prediction(
    platform: Platform, status: Literal["predicted_pass", "predicted_fail", "unknown"], reason: str
) -> Prediction:
    """Return a prediction for one platform."""
    return Prediction(platform=platform.id, status=status, reason=reason)
