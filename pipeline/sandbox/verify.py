"""The verify command of a tool, chosen from what the tool really answered.

Each executable is asked in the order of `CANDIDATES` until an answer holds the installed version. A tool that never
prints it is verified in output mode, with the reason.
"""

import re
from collections.abc import Sequence

import msgspec
from packaging.version import InvalidVersion, Version

from pipeline.model import Verify
from pipeline.recipe_rules import FORBIDDEN_WORDS

VERSION_ARGUMENTS = ("--version", "version", "-V", "-v")
HELP_ARGUMENT = "--help"
CANDIDATES = (*VERSION_ARGUMENTS, HELP_ARGUMENT)
# cargo starts `cargo-bloat` as `cargo-bloat bloat`; some of its subcommands answer to nothing else.
_CARGO_SUBCOMMAND = re.compile(r"cargo-([A-Za-z0-9_-]+)")
# A server or a prompt that waits for ever waits under every name; a third full timeout would teach nothing.
MAX_TIMEOUTS = 2
# A version among many lines of an error may stand in a path or a stack trace; a short answer is one.
SHORT_ANSWER_LINES = 3
# Exit statuses of a program that was called wrongly: by custom 1, by getopt 2, by sysexits.h 64.
USAGE_EXIT_CODES = (1, 2, 64)

# `15:04:05.123456` and `172.8µs` in a log are times; Unicode has two letters for micro.
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z._])(?<!\d:)v?(\d++(?:\.\d++)++(?!(?:[nuµμm]?s|m|h)\b)(?:[-+.]?[0-9A-Za-z]+)*)(?!\w)"
)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of an executable. `exit_code` is None when it was killed; `output` holds both streams, printable.

    `argument` is what it was asked with, words separated by one space.
    """

    argument: str
    exit_code: int | None
    output: str
    timed_out: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How one executable is verified, and the version that it printed ("" when none)."""

    verify: Verify
    observed_version: str


def holds_version(output: str, version: str) -> bool:
    """Say whether the output holds the version as a whole token: `1.2.3` is not in `11.2.3`, `1.2.30` or `1.2.3-rc1`.

    A leading `v` belongs to the token; a full stop at the end of a sentence does not.
    """
    token = rf"(?<![0-9A-Za-z._])[vV]?{re.escape(version)}(?![0-9A-Za-z_])(?![-+.][0-9A-Za-z])"
    return re.search(token, output) is not None


def candidates(executable: str) -> tuple[str, ...]:
    """Return what to ask an executable with, in this order; a recipe must not hold every word (`cargo-rm rm`)."""
    found = _CARGO_SUBCOMMAND.fullmatch(executable)
    return (*CANDIDATES, f"{found[1]} --version") if found and found[1] not in FORBIDDEN_WORDS else CANDIDATES


def next_argument(executable: str, probes: Sequence[Probe], version: str) -> str | None:
    """Return what to ask an executable with next, or None when it has answered or will not."""
    if any(_prints(probe, version) for probe in probes) or sum(p.timed_out for p in probes) >= MAX_TIMEOUTS:
        return None
    asked = candidates(executable)
    return asked[len(probes)] if len(probes) < len(asked) else None


def choose(executable: str, probes: Sequence[Probe], version: str) -> Choice | None:
    """Return how an executable is verified, or None when no answer can serve.

    In order: the version with status 0; the version as a short answer with another status; any output with status 0;
    a usage text with a status that means a wrong call.
    """
    for probe in probes:
        if _prints(probe, version) or _prints_and_fails(probe, version):
            verify = Verify(
                command=f"{executable} {probe.argument}", pattern="{version}", exit_code=probe.exit_code or 0
            )
            return Choice(verify=verify, observed_version=version)
    usable = next((p for p in _by_usefulness(probes, version) if _runs(p) or _shows_usage(p)), None)
    if usable is None:
        return None
    observed = printed_version(probes)
    verify = Verify(
        command=f"{executable} {usable.argument}",
        mode="output",
        reason=_reason(observed, version),
        exit_code=usable.exit_code or 0,
    )
    return Choice(verify=verify, observed_version=observed)


def printed_version(probes: Sequence[Probe]) -> str:
    """Return the first thing like a version in a short answer to a question for it, or ""."""
    for probe in probes:
        if probe.argument in VERSION_ARGUMENTS and _is_short(probe) and (found := _NUMBER.search(probe.output)):
            return found.group(1)
    return ""


def same_version(printed: str, version: str) -> bool:
    """Say whether two spellings mean one version, as `2025.01.15` and `2025.1.15` do (PEP 440)."""
    try:
        return Version(printed) == Version(version)
    except InvalidVersion:
        return False


def _prints(probe: Probe, version: str) -> bool:
    return probe.exit_code == 0 and holds_version(probe.output, version)


def _prints_and_fails(probe: Probe, version: str) -> bool:
    return probe.exit_code in USAGE_EXIT_CODES and _is_short(probe) and holds_version(probe.output, version)


def _runs(probe: Probe) -> bool:
    return probe.exit_code == 0 and bool(probe.output.strip())


def _shows_usage(probe: Probe) -> bool:
    return probe.exit_code in USAGE_EXIT_CODES and re.search(r"(?im)^\s*usage\b", probe.output) is not None


def _is_short(probe: Probe) -> bool:
    return 0 < len([line for line in probe.output.splitlines() if line.strip()]) <= SHORT_ANSWER_LINES


def _by_usefulness(probes: Sequence[Probe], version: str) -> list[Probe]:
    """Order answers for output mode: the version in another spelling, the help, then as asked; a success goes first."""
    return sorted(
        probes,
        key=lambda probe: (
            not _runs(probe),
            not (_is_short(probe) and same_version(printed_version([probe]), version)),
            probe.argument != HELP_ARGUMENT,
        ),
    )


def _reason(observed: str, version: str) -> str:
    if not observed:
        return "the tool prints no version"
    if same_version(observed, version):
        return f"the tool writes its version as {observed}"
    return f"the tool prints {observed}, not its package's version"
