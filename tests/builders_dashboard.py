"""Views of the dashboard for tests: small ones that hold everything once, and what hostile upstreams write."""

from typing import Any

from pipeline.control.budget import BudgetState
from pipeline.control.stops import Stop
from pipeline.dashboard.views.base import PageLink
from pipeline.dashboard.views.batches import Batches, BatchExcluded, BatchLine, BatchPage, BatchRecipe, Step
from pipeline.dashboard.views.ecosystems import BreakerEvent, EcosystemLine, EcosystemPage, Ecosystems
from pipeline.dashboard.views.lines import BreakerLine, Period, QueueLine, Reason
from pipeline.dashboard.views.overview import (
    AlarmBox,
    BlockerLine,
    BudgetLine,
    ClearedAlarm,
    Health,
    Overview,
    ReviewLine,
    UnderWay,
)
from pipeline.dashboard.views.package import AttemptLine, PackagePage, RecipeText, VerdictCell
from pipeline.dashboard.views.platforms import PlatformLine, PlatformsPage, TruthRow
from pipeline.dashboard.views.queue import QueuePage, QueueRow
from pipeline.dashboard.views.waits import Wait
from pipeline.history.frozen import Frozen
from pipeline.history.service_levels import Age, Cost, Cycle, LastSuccess, ServiceLevels, Share, Spread
from pipeline.model import (
    AlarmKind,
    Artifact,
    Attempt,
    AttemptOutcome,
    BatchMetrics,
    BatchState,
    BreakerState,
    Category,
    EcosystemCounts,
    EntryStatus,
    Evidence,
    FieldEvidence,
    Gate,
    License,
    Origin,
    Stage,
    Subcategory,
    Traffic,
    VerdictStatus,
)
from pipeline.platforms import ALL_PLATFORMS
from pipeline.selection.explain import Explanation, GateAnswer
from pipeline.taxonomy import Owner
from tests.builders import entry

# What upstream may put into a message, a description or a reason, and what a page must show as text.
SCRIPT = "<script>window.pwned = 1</script>"
HANDLER = '"><img src=x onerror="window.pwned = 1">'
HOSTILE_TEXTS = (
    SCRIPT,
    HANDLER,
    "'-window.pwned=1-'",
    "</script><script>window.pwned = 1</script>",
    "<!-- <script>",
    "--></style></textarea></title><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}${window.pwned = 1}",
    "\u202egnp.exe\u202c \u2066hidden\u2069 \u200f",
    "line\u2028separator\u2029paragraph",
    "\x1b[31mred\x1b[0m \x00\x07\x08\ufeff",
    "\U0001f600 \u0301\u0301\u0301 \ufdfd",
    "a" * 300,
    "message " * 1280,
)
HOSTILE = " ".join(HOSTILE_TEXTS[:-2])
BATCH = "2026-03-02-mixed-001"
BATCH_LINK = PageLink(text=BATCH, path=f"batches/{BATCH}.html")
PACKAGE = PageLink(text="npm:@biomejs/biome", path="packages/npm/~40biomejs~2fbiome.html")
NPM = PageLink(text="npm", path="ecosystems/npm.html")
AT = "2026-03-02T12:00:00Z"
SHARE = Share(part=6, whole=8, rate=0.75)
SPREAD = Spread(count=2, p50=1.0, p95=3.5)
COUNTS = EcosystemCounts(attempted=8, generated=7, validated=7, included=6, excluded=1, blocked=1, deferred=2)
TRAFFIC = Traffic(requests=40, cache_hits=10, not_modified=5, bytes=2_000_000, failed_tries=1, waited=3.5)
QUEUE = QueueLine(ecosystem=NPM, counts={EntryStatus.PENDING: 4000, EntryStatus.SUCCESS: 12}, total=4012)
BREAKER = BreakerLine(
    ecosystem=NPM,
    state=BreakerState.OPEN,
    failures=5,
    stages=["generate"],
    opened_at=AT,
    opens_at="2026-03-02T13:00:00Z",
    last_failure=AT,
    failed_probes=1,
)
PERIOD = Period(label=BATCH_LINK, batches=1, attempted=8, included=6, excluded=1, blocked=1, deferred=2, success=SHARE)
# Days are not pages.
DAYS = [
    Period(
        label=PageLink(text=f"2026-{month:02d}-{day:02d}"),
        batches=3,
        attempted=40,
        included=40 - day % 9,
        excluded=day % 9,
        blocked=day % 4,
        deferred=day % 2,
        success=Share(part=40 - day % 9, whole=40, rate=1 - (day % 9) / 40),
    )
    for month, day in ((2, 26), (2, 27), (2, 28), (3, 1), (3, 2))
]
REASON = Reason(
    cause="no_executables",
    category="generation_failed",
    owner=Owner.UPSTREAM,
    transient=False,
    remedy="Exclude it from the queue: the package installs no command.",
    packages=7,
    ecosystems={"npm": 5, "pypi": 2},
    examples=[PACKAGE],
)
LAST_SUCCESS = LastSuccess(batch_id=BATCH, at=AT, hours=30.0, alarm=True, since=AT)


def overview(**fields: Any) -> Overview:
    """Return an overview on which everything that can ring does."""
    given: dict[str, Any] = {
        "built_at": "2026-03-03T18:00:00Z",
        "health": Health.BAD,
        "headline": "stopped by an operator; 2 alarms ring",
        "stops": [Stop(gate=Gate.PIPELINE_DISABLED, rule="`enabled` is true", value=f"false {HOSTILE}", since=AT)],
        "alarms": [
            AlarmBox(
                kind=AlarmKind.NO_SUCCESS,
                subject=PageLink(text=""),
                since=AT,
                value="30.0 h",
                limit="24 h",
                remedy="`doit status` shows what is stopped",
            ),
            AlarmBox(
                kind=AlarmKind.CHANGED_BYTES, subject=PACKAGE, since=None, value=HOSTILE, limit="none", remedy="look"
            ),
        ],
        "cleared": [ClearedAlarm(kind=AlarmKind.BREAKER_OPEN, subject=NPM, at=AT)],
        "no_success_hours": 24.0,
        "levels": ServiceLevels(
            success={"npm": SHARE},
            success_of_all=SHARE,
            without_body=SHARE,
            queue_age=Age(days=SPREAD, unknown=3),
            cycle_hours=Cycle(published=SPREAD, merged=SPREAD),
            cost=Cost(cost=12.5, included=6, per_recipe=2.083),
            last_success=LAST_SUCCESS,
            last_success_by_ecosystem={"npm": LAST_SUCCESS},
            oldest_review=None,
        ),
        "last_batch": BATCH_LINK,
        "breakers": [BREAKER],
        "budget": [
            BudgetLine(
                runner="linux",
                used=4750.5,
                limit=5000.0,
                share=0.9501,
                state=BudgetState.SAMPLING,
                since=AT,
                until="2026-03-09T00:00:00Z",
                words="linux: 4750.5 of 5000 minutes used (95 %)",
            )
        ],
        "statuses": [EntryStatus.PENDING, EntryStatus.SUCCESS],
        "queue": [QUEUE],
        "queue_total": QUEUE,
        "recipes": 12,
        "days": DAYS,
        "batches": [PERIOD],
        "reasons": [REASON],
        "all_reasons": 9,
        "blockers": [BlockerLine(package=PageLink(text="openssl-3"), status=None, waiting=17)],
        "all_blockers": 30,
        "reviews": [
            ReviewLine(
                batch=BATCH_LINK,
                branch=f"batch/{BATCH}",
                pull_request="https://forge.example/recipes/pull/7",
                recipes=6,
                since=AT,
                days=8.5,
                limit_days=7,
                alarm=True,
                wait=None,
            ),
            ReviewLine(
                batch=BATCH_LINK,
                branch=f"batch/{BATCH}",
                pull_request="",
                recipes=2,
                since=AT,
                days=0.5,
                limit_days=7,
                alarm=False,
                wait=Wait(rule="at most `n` are open at once", value="5 are open", until=AT, remedy="merge one"),
            ),
        ],
        "frozen": [(PACKAGE, Frozen(source="npm:@biomejs/biome", since=AT, message=HOSTILE))],
        "under_way": UnderWay(batch=BATCH_LINK, created_at=AT, packages=10, generated=8, concluded=6),
        "damaged_lines": 1,
    }
    return Overview(**{**given, **fields})


def queue_row(**fields: Any) -> QueueRow:
    """Return the row of one package."""
    given: dict[str, Any] = {
        "source": "npm:@biomejs/biome",
        "name": "biome",
        "ecosystem": "npm",
        "priority": 1,
        "status": EntryStatus.FAILED,
        "outcome": "failed",
        "reason": "no_executables",
        "tries": 2,
        "last_tried": AT,
        "place": None,
        "due": "2026-04-01T12:00:00Z",
        "path": PACKAGE.path,
    }
    return QueueRow(**{**given, **fields})


def queue_page(**fields: Any) -> QueuePage:
    """Return the page around the rows."""
    given: dict[str, Any] = {
        "updated_at": AT,
        "total": 5305,
        "ecosystems": {"npm": 4000, "pypi": 1305},
        "statuses": {EntryStatus.PENDING: 5000, EntryStatus.FAILED: 305},
        "priorities": {"1": 100, "2": 1000, "3": 4205},
        "reasons": {"no_executables": 305},
    }
    return QueuePage(**{**given, **fields})


def package_page(**fields: Any) -> PackagePage:
    """Return a package of which everything is known, with hostile words wherever upstream has a say."""
    attempt = Attempt(
        source=PACKAGE.text,
        batch_id=BATCH,
        stage=Stage.VALIDATE,
        platform=ALL_PLATFORMS[0].id,
        outcome=AttemptOutcome.FAILED,
        category=Category.VERIFY_FAILED,
        subcategory=Subcategory.VERIFY_ERROR,
        message=HOSTILE[:500],
        seconds=3.25,
        at=AT,
    )
    shut = GateAnswer(
        gate=Gate.QUARANTINED,
        open=False,
        input="journal, last failure",
        rule="a package that failed for its own reasons waits",
        value=HOSTILE,
        since=AT,
        until="2026-04-01T12:00:00Z",
        remedy="a change upstream; or `doit requeue`",
    )
    given: dict[str, Any] = {
        "path": PACKAGE.path,
        "source": PACKAGE.text,
        "name": "biome",
        "ecosystem": NPM,
        "why": Explanation(
            source=PACKAGE.text,
            entry=entry(PACKAGE.text, name="biome", status=EntryStatus.FAILED),
            conclusion=f"held back by quarantined: {HOSTILE}",
            gates=[
                GateAnswer(gate=Gate.STATUS, open=True, input="queue, `status`", rule="it is pending", value="failed"),
                shut,
                GateAnswer(gate=Gate.BATCH_FULL, open=None, input="pipeline.yaml", rule="room", value="not asked"),
            ],
            judged=[],
            judged_at=None,
            place=None,
            batch=None,
            results=[],
            tries=2,
            last_tried=AT,
            needs_person="",
            attempts=[],
        ),
        "attempts": [
            AttemptLine(attempt=attempt, batch=BATCH_LINK, owner=Owner.UPSTREAM, remedy="Report it to its authors.")
        ],
        "earlier_attempts": 3,
        "verdicts": [verdict(platform, place) for place, platform in enumerate(ALL_PLATFORMS)],
        "recipe": RecipeText(path="recipes/b/biome.toml", text=f'[metadata]\nname = "{HOSTILE}"\n', published=True),
        "executables": ["biome"],
        "evidence": Evidence(
            version="1.9.4",
            artifact=Artifact(name="biome-1.9.4.tgz", url="https://registry.example/biome-1.9.4.tgz", size=1000),
            license=License(spdx=None, declared=HOSTILE, origin=Origin.REGISTRY),
            released_at=AT,
            age_days=3.5,
            repository="https://forge.example/biome",
            fields=[FieldEvidence(field="executables", origin=Origin.ARTIFACT, detail=HOSTILE)],
            risks=[HOSTILE],
        ),
        "kept_in": None,
        "alternatives": [PageLink(text="cargo:biome")],
        "waits_for": [PageLink(text="openssl-3")],
        "waiting": 4,
        "batches": [BATCH_LINK],
    }
    return PackagePage(**{**given, **fields})


def verdict(platform: Any, place: int) -> VerdictCell:
    """Return the verdict on one platform: in turn, each status and none."""
    statuses = [*VerdictStatus, ""]
    status = statuses[place % len(statuses)]
    return VerdictCell(
        platform=platform.id,
        os=platform.os,
        family=platform.family,
        libc=platform.libc,
        arch=platform.arch,
        status=status,
        measured=status in {"validated", "failed"},
        tier="T1" if status in {"validated", "failed"} else "",
        cause="verify_error" if status == "failed" else "",
        reason=HOSTILE if status else "",
        version="1.9.4" if status else "",
        seconds=3.25 if status == "validated" else None,
        at=AT if status else "",
        batch=BATCH_LINK if status else None,
    )


def batch_line(**fields: Any) -> BatchLine:
    """Return a published batch in one line."""
    given: dict[str, Any] = {
        "batch": BATCH_LINK,
        "state": BatchState.PUBLISHED,
        "created_at": AT,
        "published_at": "2026-03-02T13:00:00Z",
        "at": "2026-03-02T13:00:00Z",
        "recipes": 2,
        "excluded": 1,
        "attempted": 8,
        "success": SHARE,
        "minutes": 4.5,
        "cost": 4.5,
        "pull_request": "https://forge.example/recipes/pull/7",
    }
    return BatchLine(**{**given, **fields})


def batches() -> Batches:
    """Return the page of all batches: one is under way, one published, one rolled back."""
    return Batches(
        lines=[
            batch_line(state=None, published_at="", at="", success=None),
            batch_line(),
            batch_line(state=BatchState.ROLLED_BACK, pull_request=""),
        ]
    )


def batch_page(**fields: Any) -> BatchPage:
    """Return the page of a published batch."""
    given: dict[str, Any] = {
        "path": BATCH_LINK.path,
        "line": batch_line(),
        "branch": f"batch/{BATCH}",
        "commit": "c" * 40,
        "title": "Add 2 recipes",
        "body": f"## Recipes\n\n| recipe | platforms |\n|---|---|\n| `biome` | 5 |\n\n{HOSTILE}\n",
        "squash": f"Add 2 recipes\n\nbatch_id: {BATCH}\n",
        "auto_merge": False,
        "wait": None,
        "steps": [Step(state=BatchState.BUILT, at=AT), Step(state=BatchState.PUBLISHED, at=AT)],
        "recipes": [
            BatchRecipe(
                package=PACKAGE, path="recipes/b/biome.toml", executables=["biome"], replaces=True, rolled_back=False
            )
        ],
        "excluded": [BatchExcluded(package=PageLink(text="pypi:black"), reason=HOSTILE, needs_person=True)],
        "selected": [PACKAGE],
        "numbers": BatchMetrics(
            batch_id=BATCH,
            created_at=AT,
            at="2026-03-02T13:00:00Z",
            ecosystems={"npm": COUNTS},
            platforms={ALL_PLATFORMS[0].id: {VerdictStatus.VALIDATED: 6, VerdictStatus.FAILED: 1}},
            traffic={"npm": TRAFFIC},
            stage_seconds={"generate": 12.5, "validate": 90.0},
            minutes={"linux": 4.5},
            cost=4.5,
        ),
        "rollback": f"doit rollback --batch {BATCH}",
        "rollback_one": f"doit rollback --batch {BATCH} --source npm:@biomejs/biome",
    }
    return BatchPage(**{**given, **fields})


def platforms_page() -> PlatformsPage:
    """Return the truth table with one measured platform among predicted ones."""
    lines = [
        PlatformLine(
            platform=platform.id,
            os=platform.os,
            family=platform.family,
            libc=platform.libc,
            arch=platform.arch,
            runner="native" if place == 0 else "static",
            note="measured where this machine is it" if place == 0 else "predicted from metadata",
            counts={VerdictStatus.VALIDATED: 6} if place == 0 else {VerdictStatus.PREDICTED_PASS: 6},
            measured=6 if place == 0 else 0,
            predicted=0 if place == 0 else 6,
            since=BATCH_LINK if place == 0 else None,
            since_at=AT if place == 0 else "",
            last=BATCH_LINK if place == 0 else None,
            last_at=AT if place == 0 else "",
        )
        for place, platform in enumerate(ALL_PLATFORMS)
    ]
    row = TruthRow(package=PACKAGE, statuses=["validated", *[""] * (len(ALL_PLATFORMS) - 1)])
    return PlatformsPage(
        statuses=[VerdictStatus.VALIDATED, VerdictStatus.PREDICTED_PASS], platforms=lines, rows=[row], all_rows=300
    )


def ecosystem_line(**fields: Any) -> EcosystemLine:
    """Return one ecosystem in one line."""
    given: dict[str, Any] = {
        "ecosystem": NPM,
        "generator": "native",
        "enabled": True,
        "requests_per_second": 2.0,
        "queue": QUEUE,
        "counts": COUNTS,
        "success": SHARE,
        "traffic": TRAFFIC,
        "without_body": SHARE,
        "breaker": BREAKER,
    }
    return EcosystemLine(**{**given, **fields})


def ecosystems() -> Ecosystems:
    """Return the page of all ecosystems."""
    return Ecosystems(lines=[ecosystem_line()])


def ecosystem_page() -> EcosystemPage:
    """Return the page of one ecosystem whose breaker is open."""
    return EcosystemPage(
        path=NPM.path,
        line=ecosystem_line(),
        last_success=LAST_SUCCESS,
        periods=[PERIOD],
        reasons=[REASON],
        events=[BreakerEvent(at=AT, package=PACKAGE, stage="generate", cause="timeout", message=HOSTILE)],
    )
