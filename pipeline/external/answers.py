"""What a program of the user's said: its exit code and its words, as causes of this project's list. Pure.

The exit codes are those of tsuku:

    0 done · 3 not found · 5 network · 6 install failed · 7 verify failed · 8 missing dependency
    9 cannot be made without guessing (a generator's only) · other: the program failed

The exit code decides. The JSON answer may only name one of the finer causes that its exit code can have.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.decoding import convert, decode_json
from pipeline.digests import digest_of
from pipeline.ecosystems.drafting import LONGEST_VERSION
from pipeline.model import ExternalAnswer, Failed, Skipped, Subcategory, ToolName
from pipeline.sandbox.output import printable, tail_of
from pipeline.taxonomy import TAXONOMY
from pipeline.text import kebab, one_line

MISSING_DEPENDENCY: Final = 8
NOT_DETERMINISTIC: Final = 9
# Characters of what the program said that are kept of a message: its end, where the cause stands.
_SAID_CHARACTERS = 300
# More names than that are no list of dependencies.
_MOST_MISSING = 100
_CAUSES: Final = {
    3: Subcategory.NOT_FOUND,
    5: Subcategory.CONNECTION_ERROR,
    6: Subcategory.INSTALL_ERROR,
    7: Subcategory.VERIFY_ERROR,
    8: Subcategory.MISSING_SYSTEM_DEP,
    9: Subcategory.NOT_DETERMINISTIC,
}
# The causes that the answer's `subcategory` may name instead.
FINER: Final = {
    5: frozenset(
        {
            Subcategory.TIMEOUT,
            Subcategory.DNS_ERROR,
            Subcategory.TLS_ERROR,
            Subcategory.RATE_LIMITED,
            Subcategory.UPSTREAM_UNAVAILABLE,
        }
    ),
    6: frozenset({Subcategory.NO_PLATFORM_BUILD, Subcategory.OOM, Subcategory.PIDS, Subcategory.DISK}),
    7: frozenset({Subcategory.EXE_MISMATCH, Subcategory.VERSION_MISMATCH, Subcategory.NETWORK_AT_VERIFY}),
    8: frozenset({Subcategory.RUNTIME_MISSING, Subcategory.RUNTIME_TOO_OLD}),
    9: frozenset({Subcategory.NEEDS_BUILD, Subcategory.AMBIGUOUS_COMMANDS, Subcategory.NO_EXECUTABLES}),
}
# What is said of the package, not of what went wrong.
_FACTS: Final = frozenset({*FINER[9], Subcategory.NOT_DETERMINISTIC, Subcategory.MISSING_RECIPE})
# As tsuku words it; a line of text that says so in any program's output counts.
_NOT_FOUND = re.compile(r"\brecipe ['\"`]?([A-Za-z0-9@_.][A-Za-z0-9@._+/-]{0,213}?)['\"`]? not found\b")


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended, and the head and tail of what it wrote.

    `refused` says why it could not be started; `exit_code` is None then, when a signal ended it, and at the timeout.
    `left` is the number of its processes that could not be ended: they belong to another user.
    """

    refused: str = ""
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    output: bytes = b""
    errors: bytes = b""
    left: int = 0
    seconds: float = 0.0


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A bad end: the cause, one line for people, the recipes that are missing, the exit code as shells count it."""

    cause: Subcategory
    message: str
    blocked_by: tuple[str, ...] = ()
    exit_code: int | None = None


def answer_of(ran: Ran) -> ExternalAnswer:
    """Return the JSON object that the output ends with, an empty answer when there is none that can be read.

    It begins at the last line that begins with `{`, so progress may stand before it.
    """
    start = (b"\n" + ran.output).rfind(b"\n{")
    if start < 0:
        return ExternalAnswer()
    try:
        return decode_json(ran.output[start:], ExternalAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ExternalAnswer()


def version_of(answer: ExternalAnswer) -> str:
    """Return the version that an answer names, "" when it names none or no version."""
    version = one_line(answer.version)
    return version if len(version) <= LONGEST_VERSION else ""


def end_of(
    ran: Ran, answer: ExternalAnswer, *, program: str, timeout: float, name: str, other: Subcategory
) -> Ended | None:
    """Return what went wrong, None when the program did its work; `other` is the cause of what the table leaves out.

    `name` is the package's own: a package that waited for itself would wait for ever.
    """
    if ran.refused:
        return Ended(cause=Subcategory.RUNTIME_MISSING, message=f"{program} could not be run: {one_line(ran.refused)}")
    if ran.timed_out:
        return Ended(
            cause=Subcategory.TIMEOUT, message=f"{program} was not done after {timeout:g} s{_tail(ran, answer)}"
        )
    code = ran.exit_code if ran.exit_code is not None else 128 + (ran.signal or 0)
    if code == 0 and answer.status == "error":
        return Ended(
            cause=other, message=f"{program} ended well, but its answer is `error`{_tail(ran, answer)}", exit_code=0
        )
    if code == 0:
        return None
    missing = tuple(_missing(ran, answer, name)) if code == MISSING_DEPENDENCY else ()
    how = f"signal {ran.signal}" if ran.signal else f"exit code {code}"
    return Ended(
        cause=Subcategory.MISSING_RECIPE if missing else _cause(code, answer, other),
        message=f"{program} ended with {how}{_tail(ran, answer)}",
        blocked_by=missing,
        exit_code=code,
    )


def outcome_of(ended: Ended) -> Skipped | Failed:
    """Return a generator's bad end as an outcome: what the package lacks is a fact, all else a failure."""
    known = TAXONOMY[ended.cause]
    # What could not be started may stand there before the next run, as a client that is not here.
    transient = known.transient or ended.exit_code is None
    upstream = None if transient else digest_of("upstream", "command", ended.cause, ended.exit_code, ended.blocked_by)
    if ended.cause in _FACTS:
        return Skipped(
            subcategory=ended.cause,
            message=ended.message,
            blocked_by=list(ended.blocked_by),
            upstream=upstream,
            exit_code=ended.exit_code,
        )
    return Failed(
        category=known.category,
        subcategory=ended.cause,
        transient=transient,
        message=ended.message,
        upstream=upstream,
        exit_code=ended.exit_code,
    )


def _cause(code: int, answer: ExternalAnswer, other: Subcategory) -> Subcategory:
    if code == NOT_DETERMINISTIC and other is not Subcategory.GENERATOR_ERROR:
        return other
    finer = next((cause for cause in FINER.get(code, ()) if cause == answer.subcategory), None)
    return finer or _CAUSES.get(code, other)


def _missing(ran: Ran, answer: ExternalAnswer, name: str) -> Iterator[str]:
    """Yield the names of the recipes that are missing, each once: those of the answer, else those in the text."""
    listed = answer.missing_recipes or _NOT_FOUND.findall(f"{answer.message}\n{_text(ran.output)}\n{_text(ran.errors)}")
    seen = {kebab(name)}
    for found in listed[:_MOST_MISSING]:
        if kebab(found) and kebab(found) not in seen and _is_name(found):
            seen.add(kebab(found))
            yield found


def _is_name(found: str) -> bool:
    try:
        convert(found, ToolName)
    except msgspec.ValidationError:
        return False
    return True


def _tail(ran: Ran, answer: ExternalAnswer) -> str:
    """Return what the program said, behind a colon: its answer's message, else the end of its errors or its output."""
    said = answer.message.strip() or _text(ran.errors).strip() or _text(ran.output).strip()
    line = one_line(tail_of(said, _SAID_CHARACTERS))
    left = f" ({ran.left} of its processes could not be ended)" if ran.left else ""
    return f": {line}{left}" if line else f", and said nothing{left}"


def _text(content: bytes) -> str:
    return printable(content)
