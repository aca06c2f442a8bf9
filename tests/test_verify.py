"""How the verify command is chosen from a tool's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Verify
from pipeline.sandbox.verify import CANDIDATES, Probe, choose, holds_version, next_argument, printed_version

numbers = st.lists(st.integers(0, 999), min_size=2, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def said(argument: str, output: str, exit_code: int | None = 0, *, timed_out: bool = False) -> Probe:
    return Probe(argument=argument, exit_code=exit_code, output=output, timed_out=timed_out)


@pytest.mark.parametrize(
    "output",
    [
        "1.2.3",
        "v1.2.3",
        "V1.2.3\n",
        "tool 1.2.3",
        "tool/1.2.3 linux-x64 node-v20.1.0",
        "tool, version 1.2.3.",
        "(1.2.3)",
    ],
)
def test_finds_the_version_as_a_token(output):
    """The version counts where it stands alone, with a leading v, in brackets or at the end of a sentence."""
    assert holds_version(output, "1.2.3")


@pytest.mark.parametrize(
    "output",
    ["11.2.3", "1.2.30", "1.2.3.4", "0.1.2.3", "1.2.3-rc1", "1.2.3rc1", "1.2.3+local", "rev1.2.3", "1x2x3", ""],
)
def test_refuses_a_version_inside_another(output):
    """A longer version, a pre-release or a local build of the version is another version."""
    assert not holds_version(output, "1.2.3")


@given(numbers, numbers)
def test_one_plain_version_never_stands_for_another(printed, installed):
    """An output that is one version holds exactly that version."""
    assert holds_version(f"tool {printed}\n", installed) == (printed == installed)


def test_asks_in_order_until_the_version_is_printed():
    """`version` is asked after `--version` printed something else, and nothing after the right answer."""
    wrong = said("--version", "0.0.0")
    assert next_argument("tool", [], "1.2.3") == "--version"
    assert next_argument("tool", [wrong], "1.2.3") == "version"
    assert next_argument("tool", [wrong, said("version", "1.2.3")], "1.2.3") is None


def test_a_time_in_a_log_line_is_no_version():
    """A tool that answers with its log has printed no version: what stands there changes from run to run."""
    assert printed_version([said("-v", "2026/01/02 15:04:05.123456 go env", 2)]) == ""
    assert printed_version([said("-v", "go list: 172.8µs", 2)]) == ""
    assert printed_version([said("-v", "done in 12.34ms, 1.5s", 2)]) == ""
    assert printed_version([said("-v", "version:1.2.3")]) == "1.2.3"
    assert printed_version([said("-v", "1.2.3-rc1+x")]) == "1.2.3-rc1+x"


def test_asks_nothing_after_all_candidates():
    """The help is the last question."""
    assert next_argument("tool", [said(argument, "?", 1) for argument in CANDIDATES], "1.2.3") is None
    assert CANDIDATES[-1] == "--help"


def test_a_subcommand_of_cargo_is_asked_as_cargo_asks_it_at_last():
    """`cargo-bloat` runs only as `cargo bloat`: its own name without `cargo-` is its first argument."""
    probes = [said(argument, "can be run only via `cargo bloat`", 1) for argument in CANDIDATES]
    assert next_argument("cargo-bloat", probes[:1], "1.2.3") == "version"
    assert next_argument("cargo-bloat", probes, "1.2.3") == "bloat --version"
    probes.append(said("bloat --version", "1.2.3"))
    assert next_argument("cargo-bloat", probes, "1.2.3") is None
    choice = choose("cargo-bloat", probes, "1.2.3")
    assert choice is not None
    assert (choice.verify.command, choice.observed_version) == ("cargo-bloat bloat --version", "1.2.3")
    assert next_argument("cargo-rm", probes[:-1], "1.2.3") is None


def test_gives_up_on_a_tool_that_keeps_waiting():
    """After two timeouts no third one is waited for."""
    waiting = [said("--version", "", None, timed_out=True), said("version", "", None, timed_out=True)]
    assert next_argument("tool", waiting[:1], "1.2.3") == "version"
    assert next_argument("tool", waiting, "1.2.3") is None


def test_takes_the_command_that_prints_the_version():
    """A later question that prints the version wins over an earlier one that prints another."""
    choice = choose("tool", [said("--version", "tool 9.9.9"), said("version", "tool v1.2.3")], "1.2.3")
    assert choice is not None
    assert choice.verify == Verify(command="tool version", pattern="{version}")
    assert choice.observed_version == "1.2.3"


def test_keeps_a_status_other_than_0_when_the_answer_is_short():
    """Some tools print their version and exit with 1: the recipe says so."""
    choice = choose("tool", [said("--version", "1.2.3", 1)], "1.2.3")
    assert choice is not None
    assert choice.verify == Verify(command="tool --version", pattern="{version}", exit_code=1)


def test_does_not_take_a_version_out_of_a_stack_trace():
    """The version in the path of a crash proves nothing."""
    trace = "Error: boom\n  at a (/prefix/tool-1.2.3/a.js)\n  at b\n  at c\n"
    assert choose("tool", [said(argument, trace, 1) for argument in CANDIDATES], "1.2.3") is None


@pytest.mark.parametrize(
    ("probes", "command", "reason"),
    [
        ([said("--version", "dev build"), said("--help", "how to")], "tool --help", "the tool prints no version"),
        (
            [said("--version", "2.0.0"), said("--help", "how to")],
            "tool --help",
            "the tool prints 2.0.0, not its package's version",
        ),
        (
            [said("--version", "2025.01.15"), said("--help", "x")],
            "tool --version",
            "the tool writes its version as 2025.01.15",
        ),
        (
            [said("--version", "", 1), said("-V", "something"), said("--help", "", 1)],
            "tool -V",
            "the tool prints no version",
        ),
    ],
)
def test_falls_back_to_output_mode_with_the_reason(probes, command, reason):
    """Without the version, any successful answer serves: another spelling first, then the help, then what answered."""
    choice = choose("tool", probes, "2025.1.15")
    assert choice is not None
    assert (choice.verify.command, choice.verify.mode, choice.verify.reason) == (command, "output", reason)


def test_takes_a_usage_text_as_the_last_resort():
    """A tool that only ever says how it is used has run; its status stands in the recipe."""
    probes = [said(argument, "Usage: tool FILE", 2) for argument in CANDIDATES]
    choice = choose("tool", probes, "1.2.3")
    assert choice is not None
    assert (choice.verify.command, choice.verify.mode, choice.verify.exit_code) == ("tool --help", "output", 2)


@pytest.mark.parametrize(
    "probe",
    [said("--help", "", 0), said("--help", "boom", 1), said("--help", "Usage: tool", None), said("--help", "x", 127)],
)
def test_refuses_silence_crashes_and_kills(probe):
    """No output, an error without a usage text, a signal: none of them shows that the tool works."""
    assert choose("tool", [probe], "1.2.3") is None
