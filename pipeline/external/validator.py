"""A program of the user's that says whether a recipe works on a platform: run once, its exit code is the verdict."""

import msgspec

from pipeline.config import Command
from pipeline.digests import digest_of
from pipeline.external.answers import Ended, Ran, answer_of, end_of, version_of
from pipeline.external.process import Workshop, carry_out, private_folder
from pipeline.model import BackendInfo, Digest, PhaseResult, Subcategory, Tier, Verdict, VerdictStatus
from pipeline.placeholders import filled, program_name
from pipeline.sandbox.output import printable, tail_of
from pipeline.source import identifier_of
from pipeline.taxonomy import MISSING_HERE, TAXONOMY

# The one phase of such a verdict.
PHASE = "external"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe on one platform; `version` is "" when nobody knows it, `text` is the recipe as generated."""

    source: str
    name: str
    version: str
    platform: str
    text: str
    recipe_sha256: Digest
    made_from: Digest


def made_from(command: Command, timeout: float, platform: str, source: str, recipe_sha256: str, *after: str) -> str:
    """Return the digest of what a verdict by a command depends on."""
    return digest_of("external", command, timeout, platform, source, recipe_sha256, *after)


def validate(question: Question, command: Command, timeout: float, workshop: Workshop, now: str) -> Verdict:
    """Return what the command says of a recipe; only its exit code 0 is a pass."""
    program = program_name(command)
    with private_folder(workshop.jobs) as folder:
        recipe = folder / f"{question.name}.toml"
        recipe.write_bytes(question.text.encode())
        values = {
            "name": question.name,
            "source": question.source,
            "identifier": identifier_of(question.source),
            "platform": question.platform,
            "recipe": str(recipe),
        }
        ran = carry_out(workshop, filled(command, values), folder, timeout)
    answer = answer_of(ran)
    other = Subcategory.VALIDATOR_ERROR
    ended = end_of(ran, answer, program=program, timeout=timeout, name=question.name, other=other)
    observed = version_of(answer)
    return Verdict(
        source=question.source,
        version=question.version,
        platform=question.platform,
        recipe_sha256=question.recipe_sha256,
        made_from=question.made_from,
        tier=Tier.EXTERNAL,
        status=_status(ended),
        subcategory=ended.cause if ended else None,
        reason=ended.message if ended else f"{program} installed {observed or 'it'} and ended well",
        phases=[] if ran.refused else [_phase(ran, command)],
        observed_version=observed,
        backend=BackendInfo(name=program, version=""),
        limits_enforced=["time:kill"],
        at=now,
        blocked_by=list(ended.blocked_by) if ended else [],
    )


def _status(ended: Ended | None) -> VerdictStatus:
    """Return what an end says of the package: nothing, when it passes by itself or lies with this machine."""
    if ended is None:
        return VerdictStatus.VALIDATED
    infra = ended.exit_code is None or TAXONOMY[ended.cause].transient or ended.cause in MISSING_HERE
    return VerdictStatus.INFRA_ERROR if infra else VerdictStatus.FAILED


def _phase(ran: Ran, command: Command) -> PhaseResult:
    """Return the run as a record; the command stands there as configured, so that it is the same in every run."""
    return PhaseResult(
        name=PHASE,
        command=" ".join(command),
        exit_code=ran.exit_code,
        signal=ran.signal,
        timed_out=ran.timed_out,
        wall_s=ran.seconds,
        network=True,
        output_tail=tail_of(printable(ran.output + ran.errors)),
    )
