"""The text of the pull request and of its commit, made to be read by a reviewer in GitHub's rendering."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import PurePosixPath

from pipeline.body_details import details, released, risks
from pipeline.constraints import PASSED
from pipeline.markdown import NOTHING, clean, code, row, table_head, text
from pipeline.model import ConstraintsRecord, Excluded, Payload, Subcategory, VerdictStatus
from pipeline.payload import success
from pipeline.platforms import BY_ID
from pipeline.taxonomy import TAXONOMY

# GitHub refuses a longer body of a pull request.
BODY_LIMIT = 65_536
_NOTE_ROOM = 650  # for the sentences that say what was left out, and the mark of the pull request
_LEGEND = "\n_Passed and failed were measured by running the tool; predicted is read from metadata alone._\n\n"
_RECIPE_TITLES = ("Recipe", "Version", "Licence", "Executables", "Released", "Platforms", "Risks")
_ORDER = list(BY_ID)
_KINDS: Mapping[str, frozenset[VerdictStatus]] = {
    "passed": PASSED,
    "failed": frozenset({VerdictStatus.FAILED}),
    "predicted to pass": frozenset({VerdictStatus.PREDICTED_PASS}),
    "predicted to fail": frozenset({VerdictStatus.PREDICTED_FAIL}),
    "not known": frozenset({VerdictStatus.UNKNOWN, VerdictStatus.INFRA_ERROR, VerdictStatus.NOT_RUN}),
}


def render_body(payload: Payload, records: Sequence[ConstraintsRecord], now: datetime) -> str:
    """Return the body: a summary, the table of recipes, platforms, what was left out, and details while they fit.

    `now` is the time that ages are counted to. What does not fit into GitHub's limit is left out from the end: first
    details, then packages that were left out, then rows of the table; the body says so and where to find it.
    """
    by_source = {record.source: record for record in records}
    included = [by_source[source] for source in payload.included]
    head = f"{_summary(payload, records)}\n{_auto_merge(payload)}\n"
    foot = f"{_platforms(payload)}\n{_how_to(payload)}"
    room = BODY_LIMIT - _NOTE_ROOM - size(head) - size(foot)
    rows, rows_missing = fit([_recipe_row(record, now) for record in included], room * 3 // 5)
    room -= sum(map(size, rows))
    lines, lines_missing = fit(_left_out(payload.excluded), room // 2)
    room -= sum(map(size, lines))
    blocks, blocks_missing = fit([details(record) for record in included], room)
    parts = [head]
    if rows:
        parts += [table_head(_RECIPE_TITLES), *rows, _note(rows_missing, "recipes"), _LEGEND]
    if blocks or blocks_missing:
        parts += ["## Details\n\n", *blocks, _note(blocks_missing, "recipes' details"), "\n"]
    if payload.excluded:
        parts += [f"## Left out ({len(payload.excluded)})\n", *lines, _note(lines_missing, "lines"), "\n"]
    return "".join([*parts, foot])


def commit_message(payload: Payload, records: Sequence[ConstraintsRecord]) -> str:
    """Return the commit's message: a subject of at most 72 characters, a line for each recipe, the batch's trailers."""
    by_source = {record.source: record for record in records}
    merged, attempted = success(payload, records)
    lines = [_commit_line(by_source[source]) for source in payload.included]
    trailers = [
        f"batch_id: {payload.batch_id}",
        f"batch_size: {len(payload.included) + len(payload.excluded)}",
        f"success_rate: {_rate(merged, attempted):.2f}",
    ]
    return "\n\n".join(["\n".join(block) for block in ([payload.title], lines, trailers) if block]) + "\n"


def fit(parts: Sequence[str], room: int) -> tuple[list[str], int]:
    """Return the parts that fit from the first on, and how many do not."""
    used = 0
    for at, part in enumerate(parts):
        used += size(part)
        if used > room:
            return list(parts[:at]), len(parts) - at
    return list(parts), 0


def _commit_line(record: ConstraintsRecord) -> str:
    # The recipe's name, not the source: GitHub takes the scope of `@scope/name` in a commit for a mention.
    version = clean(record.evidence.version, 60).replace("@", "") if record.evidence else ""
    return f"- {_stem(record)} {version}".rstrip()


def _stem(record: ConstraintsRecord) -> str:
    return PurePosixPath(record.recipe_path).stem


def _rate(merged: int, attempted: int) -> float:
    return merged / attempted if attempted else 0.0


def _summary(payload: Payload, records: Sequence[ConstraintsRecord]) -> str:
    merged, attempted = success(payload, records)
    tried = f"of the {attempted} packages tried in batch `{payload.batch_id}`"
    if not merged:
        return f"**No recipe**: none {tried} passed.\n"
    what = "1 recipe, really" if merged == 1 else f"{merged} recipes, each of them really"
    share = f"{_rate(merged, attempted):.0%} {tried}"
    return f"**{what} installed and run** on at least one platform: {share}.\n"


def _auto_merge(payload: Payload) -> str:
    if payload.auto_merge.allowed:
        return "No reason speaks against merging without a review.\n"
    lines = [f"> - {text(reason)}\n" for reason in payload.auto_merge.reasons]
    shown, missing = fit(lines, 6_000)
    return "".join(["> **A person must review this:**\n", *shown, f"> - and {missing} more\n" if missing else ""])


def _recipe_row(record: ConstraintsRecord, now: datetime) -> str:
    evidence = record.evidence
    name = code(_stem(record))
    return row(
        [
            f"{name} (update)" if record.replaces_sha256 else name,
            (code(evidence.version, 40) if evidence.version else "**unknown**") if evidence else NOTHING,
            code(evidence.license.spdx, 60) if evidence and evidence.license.spdx else "**unknown**",
            _some(record.executables, 5),
            released(evidence, now),
            _platform_cell(record.statuses),
            text("; ".join(risks(record)), 160) or NOTHING,
        ]
    )


def _some(names: Sequence[str], limit: int) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(code(name, 60) for name in names[:limit]) + more or NOTHING


def _platform_cell(statuses: Mapping[str, VerdictStatus]) -> str:
    """Return how the platforms stand, without zeros: `1 passed, 8 predicted to pass`."""
    tally = _tally(Counter(statuses.values()))
    return ", ".join(f"{count} {kind}" for kind, count in tally.items() if count) or NOTHING


def _tally(counts: Mapping[VerdictStatus, int]) -> dict[str, int]:
    return {kind: sum(counts.get(status, 0) for status in statuses) for kind, statuses in _KINDS.items()}


def _platforms(payload: Payload) -> str:
    if not payload.platforms:
        return ""
    tallies = [(name, _tally(payload.platforms[name])) for name in sorted(payload.platforms, key=_ORDER.index)]
    rows = [row([code(name), *(str(count or NOTHING) for count in tally.values())]) for name, tally in tallies]
    head = table_head(["Platform", *(kind.capitalize() for kind in _KINDS)])
    return f"## Platforms, over the whole batch\n\n{head}{''.join(rows)}"


def _left_out(excluded: Sequence[Excluded]) -> list[str]:
    """Return the packages that are not in the pull request, grouped by the code that their reasons begin with."""
    lines = []
    for cause, group in groupby(sorted(excluded, key=_cause), key=_cause):
        members = list(group)
        lines.append(f"\n{code(cause, 60)} ({len(members)}){_remedy(cause)}\n\n")
        for each in members:
            words = text(each.reason.partition(":")[2].strip())
            lines.append(f"- {code(each.source)}{': ' if words else ''}{words}\n")
    return lines


def _remedy(cause: str) -> str:
    """Return what can be done about a cause of the taxonomy, and by whom."""
    known = TAXONOMY.get(Subcategory(cause)) if cause in list(Subcategory) else None
    return f" — {known.remedy} ({known.owner})" if known else ""


def _cause(excluded: Excluded) -> str:
    return excluded.reason.partition(":")[0]


def _how_to(payload: Payload) -> str:
    return (
        "\n## Check and roll back\n\n"
        "- Check a recipe: install it on a clean machine and run its verify command, which must exit as its "
        "recipe says and print the version.\n"
        "- Check the files: their SHA-256 digests are in `pr.json` of the batch. What each was made from stands in its "
        f"statements; `doit replay {payload.batch_id}` makes them again.\n"
        "- Before merging, closing this pull request undoes everything. After it, "
        f"`doit rollback --batch {payload.batch_id}` takes its recipes out of use.\n"
    )


def _note(missing: int, what: str) -> str:
    if not missing:
        return ""
    why = f"GitHub's limit is {BODY_LIMIT:,} characters; the batch's records hold them"
    return f"\n_{missing} more {what} do not fit: {why}._\n"


def size(markdown: str) -> int:
    """Return the length in UTF-16 units: GitHub's documentation does not say how it counts, and this is the most."""
    return len(markdown.encode("utf-16-le")) // 2
