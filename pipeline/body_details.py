"""What a reviewer may want to know of one recipe: a folded block with the evidence, and the risks in a few words."""

from datetime import UTC, datetime

import msgspec

from pipeline.constraints import PASSED
from pipeline.markdown import NOTHING, code, html_code, row, table_head, text
from pipeline.model import Constraints, ConstraintsRecord, Evidence, Origin, VerdictStatus, Verify

YOUNG_DAYS = 7  # a release that few have tried yet; malicious ones are mostly withdrawn within days
_FAILED = (VerdictStatus.FAILED, VerdictStatus.PREDICTED_FAIL)
_MEGABYTE = 1_000_000


def details(record: ConstraintsRecord) -> str:
    """Return the folded block of one recipe."""
    version = record.evidence.version if record.evidence else ""
    lines = [
        f"Written to {code(record.recipe_path)}.",
        *(_artifact(record.evidence) if record.evidence else ()),
        *(f"Verified by {_check(each)}." for each in record.verify),
        *_platforms(record),
        *(f"Limited by {each}." for each in _limits(record.constraints)),
        *_over_excluded(record),
    ]
    summary = f"<details><summary>{html_code(record.source)} {html_code(version)}</summary>\n\n"
    bullets = "".join(f"- {line}\n" for line in lines)
    return f"{summary}{bullets}{_evidence(record.evidence)}\n</details>\n\n"


def risks(record: ConstraintsRecord) -> list[str]:
    """Return what speaks for a closer look, in a few words each, the gravest first."""
    evidence = record.evidence
    found = ["runs commands"] if record.runs_commands else []
    if any(record.statuses[platform] in PASSED for platform in record.over_excluded):
        found.append("excluded where it passed")
    if evidence is None:
        return [*found, "no evidence"]
    unverified = [name for name in record.executables if not any(_runs(each, name) for each in record.verify)]
    if record.verify and unverified:
        found.append(f"not verified: {', '.join(unverified)}")
    if evidence.age_days is not None and evidence.age_days < YOUNG_DAYS:
        found.append(f"younger than {YOUNG_DAYS} days")
    guessed = [each.field for each in evidence.fields if each.origin == Origin.GUESS]
    if guessed:
        found.append(f"guessed: {', '.join(guessed)}")
    return list(dict.fromkeys([*found, *evidence.risks]))


def _runs(verify: Verify, executable: str) -> bool:
    return verify.command.split()[0] == executable


def released(evidence: Evidence | None, now: datetime) -> str:
    """Return the day of the release and its age, or that neither is known."""
    moment = _moment(evidence.released_at) if evidence and evidence.released_at else None
    if moment is None:
        return "unknown"
    days = (now - moment).days
    if days < 0:
        return f"{moment:%Y-%m-%d} (in the future)"
    if days >= 2 * 365:
        return f"{moment:%Y-%m-%d} ({days // 365} years)"
    return f"{moment:%Y-%m-%d} ({days} day{'' if days == 1 else 's'})"


def _moment(timestamp: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:  # the pattern of a time allows 30 February
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _artifact(evidence: Evidence) -> list[str]:
    artifact = evidence.artifact
    if not artifact.name:  # what a program of the user's made is known by what that said
        return _licence(evidence)
    size = "" if artifact.size is None else f", {artifact.size / _MEGABYTE:.1f} MB"
    checked = "checked" if artifact.digest_checked else "not checked"
    digest = f"Digest {code(artifact.digest, 200)} ({checked})." if artifact.digest else "No digest was published."
    return [
        f"Artifact {code(artifact.name)}{size}, from {code(artifact.url, 300)}.",
        digest,
        *_licence(evidence),
        *(["Published with attestations."] if evidence.has_attestations else []),
    ]


def _licence(evidence: Evidence) -> list[str]:
    licence = evidence.license
    spdx = code(licence.spdx) if licence.spdx else f"**unknown**, declared as {code(licence.declared)}"
    return [
        f"Licence {spdx} (from the {licence.origin}).",
        *([f"Source repository {code(evidence.repository, 300)}."] if evidence.repository else []),
    ]


def _check(verify: Verify) -> str:
    wanted = f", which must print {code(verify.pattern)}" if verify.pattern else ""
    exits = f", exit code {verify.exit_code}" if verify.exit_code else ""
    reason = f" ({text(verify.reason)})" if verify.reason else ""
    return f"{code(verify.command, 300)}{wanted}{exits}{reason}"


def _platforms(record: ConstraintsRecord) -> list[str]:
    lines = [
        f"Passed on {code(platform)}: {text(record.reasons.get(platform, '')) or 'no details'}"
        for platform, status in record.statuses.items()
        if status in PASSED
    ]
    for platform, status in record.statuses.items():
        if status in _FAILED:
            verb = "Failed" if status == VerdictStatus.FAILED else "Predicted to fail"
            lines.append(f"{verb} on {code(platform)}: {text(record.reasons.get(platform, '')) or 'no reason given'}")
        elif status == VerdictStatus.NOT_RUN:
            lines.append(f"Not run on {code(platform)}: {text(record.reasons.get(platform, '')) or 'no reason given'}")
    return lines


def _limits(constraints: Constraints) -> list[str]:
    lists = msgspec.structs.asdict(constraints)
    return [
        f"{code(key)}: {', '.join(map(code, words))}"
        for key, words in lists.items()
        if isinstance(words, list) and words
    ]


def _over_excluded(record: ConstraintsRecord) -> list[str]:
    if not record.over_excluded:
        return []
    names = ", ".join(map(code, record.over_excluded))
    return [f"Excluded without having failed, because the format cannot tell it from one that did: {names}."]


def _evidence(evidence: Evidence | None) -> str:
    if evidence is None or not evidence.fields:
        return ""
    rows = (row([code(each.field), each.origin, text(each.detail, 200) or NOTHING]) for each in evidence.fields)
    return f"\n{table_head(['Field', 'Read from', 'Where'])}{''.join(rows)}"
