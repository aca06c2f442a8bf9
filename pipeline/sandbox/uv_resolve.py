"""What uv's resolution for another platform says about a package: pure interpretation of its answers.

`uv pip compile --python-platform T --only-binary :all:` exits with 0 when every package of the tree has a wheel that
T can install. The version must be pinned: unpinned, uv quietly picks an old release that has one.
"""

import re
from typing import Literal

from pipeline.model import Prediction
from pipeline.platforms import Platform
from pipeline.sandbox.base import PhaseOutput

# glibc 2.28 is the oldest that a supported release of the families has: RHEL 8; Debian 12 has 2.36, SUSE 15 SP6 2.38.
# A wheel that asks for more may not be counted on. uv takes musl as 1.2, which Alpine has had since 3.13.
_TARGETS = {
    ("linux", "glibc", "x86_64"): "x86_64-manylinux_2_28",
    ("linux", "glibc", "arm64"): "aarch64-manylinux_2_28",
    ("linux", "musl", "x86_64"): "x86_64-unknown-linux-musl",
    ("linux", "musl", "arm64"): "aarch64-unknown-linux-musl",
    ("darwin", "", "x86_64"): "x86_64-apple-darwin",
    ("darwin", "", "arm64"): "aarch64-apple-darwin",
}

_NO_WHEEL = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?((?:===?|[<>~!]=?)[^ ]+)? (?:has|have) "
    r"(no (?:usable wheels|wheels(?: with a matching (?:platform|Python \w+) tag(?: \(e\.g\., [^)]*\))?)?))"
)
_NEEDS_PYTHON = re.compile(r"does not satisfy (Python ?[<>=!~][^ ]+)")


def target_of(platform: Platform) -> str:
    """Return uv's name of a platform; families with one libc and one processor share it."""
    return _TARGETS[platform.os, platform.libc, platform.arch]


def predict(answer: PhaseOutput, platform: Platform) -> Prediction:
    """Return what one resolution says. An answer that names no cause is unknown, never a refusal."""
    if answer.result.exit_code == 0:
        return prediction(platform, "predicted_pass", "every package of the tree has a wheel for this platform")
    text = " ".join(answer.output.split())  # uv indents its explanation over several lines
    if found := _NO_WHEEL.search(text):
        package, release, why = found.groups(default="")
        named = f"{package} {release.lstrip('<=>!~')}".strip()
        return prediction(platform, "predicted_fail", f"no_platform_build: {named} has {why}")
    if found := _NEEDS_PYTHON.search(text):
        return prediction(
            platform, "unknown", f"runtime_too_old: the tree needs {found.group(1)}, newer than the one here"
        )
    return prediction(platform, "unknown", "uv named no cause that lies with this platform")


def prediction(
    platform: Platform, status: Literal["predicted_pass", "predicted_fail", "unknown"], reason: str
) -> Prediction:
    """Return a prediction for one platform."""
    return Prediction(platform=platform.id, status=status, reason=reason)
