"""docs/coverage.md, rendered from what was measured: shares by ecosystem, then each package that did not pass."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.covered.records import NOT_MEASURED, Measured, Row
from pipeline import markdown
from pipeline.source import identifier_of
from pipeline.taxonomy import TAXONOMY

_HEAD = """\
# Coverage

How much of each ecosystem becomes a recipe that was installed and run. A recipe says what a package installs before
anybody has installed it; so for a varied list of real packages, recipes are made, installed, and compared with what the
install made. The list is not a list of favourites: it holds libraries, packages for other systems, and packages that
nobody maintains, to show that those are refused, and why. The gates that wait for a release to grow older, or for a
person's answer ([gates.md](gates.md)), only report here: they say nothing of what can be made.

Made by `python -m benchmarks.coverage` ([how](benchmarks.md#coverage)); not written by hand.

"""
_WHOSE = """\

`upstream`: only the package's authors can mend it. `operator`: it is the machine, the network or the registry that was
asked. `us`: the queue or this project. [unattended.md](unattended.md) says when each is tried again.
"""


def render(results: Sequence[Measured], notes: Mapping[str, str], ecosystems: Sequence[str]) -> str:
    """Return the page. `notes` are what a person found out about single packages, by source.

    `ecosystems` are those of the list of packages; one without a result is named as that.
    """
    known = {result.ecosystem for result in results}
    missing = _missing([name for name in ecosystems if name not in known])
    return "".join([_HEAD, _shares(results), missing, _WHOSE, *(_section(result, notes) for result in results)])


def _missing(ecosystems: Sequence[str]) -> str:
    if not ecosystems:
        return ""
    command = markdown.code(f"python -m benchmarks.coverage --root DIR {' '.join(ecosystems)}")
    return (
        f"\nNot measured: {', '.join(ecosystems)}, whose services the machine that measured cannot reach;\n"
        f"{command} measures them where they can be reached.\n"
    )


def _shares(results: Sequence[Measured]) -> str:
    titles = ["ecosystem", "packages", "recipe made", "validated", "of the recipes", "installed and compared", "equal"]
    rows = [_share_row(result) for result in results]
    return markdown.row(titles) + markdown.row(["---", *["--:"] * (len(titles) - 1)]) + "".join(rows)


def _share_row(result: Measured) -> str:
    made = [row for row in result.rows if row.executables]
    passed = [row for row in result.rows if row.validated]
    both = [row for row in made if row.installed]
    equal = [row for row in both if row.executables == row.installed]
    return markdown.row(
        [
            result.ecosystem,
            str(len(result.rows)),
            _of(len(made), len(result.rows)),
            _of(len(passed), len(result.rows)),
            _share(len(passed), len(made)),
            str(len(both)),
            _share(len(equal), len(both)),
        ]
    )


def _of(count: int, whole: int) -> str:
    return f"{count} ({_share(count, whole)})"


def _share(count: int, whole: int) -> str:
    """Return a share in whole percent, rounded down: 100 % means all."""
    return f"{100 * count // whole} %" if whole else markdown.NOTHING


def _section(result: Measured, notes: Mapping[str, str]) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in result.runtimes.items())
    rest = [row for row in result.rows if not row.validated]
    counted = Counter(_cause(row) for row in rest)
    told = ", ".join(f"{count} {cause}" for cause, count in sorted(counted.items(), key=_most_first)) or "none"
    other = f", with {', '.join(map(markdown.code, result.settings))}" if result.settings else ""
    lines = [f"\n## {result.ecosystem}\n\n", f"{result.day}, {result.platform}, {tools}{other}.\n\n"]
    lines += [f"Not validated, {len(rest)} of {len(result.rows)}: {told}.\n"]
    if rest:
        lines += ["\n", markdown.table_head(["package", "cause", "whose", "why"])]
        lines += [_line(row, notes) for row in rest]
    different = [row for row in result.rows if row.installed and row.installed != row.executables]
    lines += [
        f"\n{markdown.code(row.source)} installs {_names(row.installed)}, its recipe names {_names(row.executables)}.\n"
        for row in different
    ]
    return "".join(lines)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _cause(row: Row) -> str:
    return row.cause.value if row.cause else row.ending


def _line(row: Row, notes: Mapping[str, str]) -> str:
    owner = TAXONOMY[row.cause].owner.value if row.cause else markdown.NOTHING
    said = markdown.text(row.message, 240)
    found = notes.get(row.source, "")  # our own words, in markdown
    why = "<br>".join(part for part in (said, found) if part)
    if row.ending == NOT_MEASURED:
        why = "no result yet" + (f"<br>{found}" if found else "")
    return markdown.row([markdown.code(identifier_of(row.source)), _cause(row), owner, why or markdown.NOTHING])


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(markdown.code, names))
