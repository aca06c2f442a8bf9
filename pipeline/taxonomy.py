"""For each cause of a failure: whose it is, whether it passes by itself, and what to do, in one sentence."""

from enum import StrEnum

import msgspec

from pipeline.model import Category, Subcategory


class Owner(StrEnum):
    """Who can mend a cause: the package's authors, this project, or whoever runs it."""

    UPSTREAM = "upstream"
    US = "us"
    OPERATOR = "operator"


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one cause. A transient one is tried again by the next run."""

    owner: Owner
    transient: bool
    category: Category
    remedy: str


# What the machine lacks that validates: it says nothing of the package, and another try there cannot mend it.
MISSING_HERE = frozenset({Subcategory.SANDBOX_UNAVAILABLE, Subcategory.RUNTIME_MISSING, Subcategory.RUNTIME_TOO_OLD})


def _cause(owner: Owner, category: Category, remedy: str, *, transient: bool = False) -> Cause:
    return Cause(owner=owner, transient=transient, category=category, remedy=remedy)


TAXONOMY: dict[Subcategory, Cause] = {
    Subcategory.NOT_FOUND: _cause(
        Owner.US,
        Category.RECIPE_NOT_FOUND,
        "Correct the source in the queue: the registry has no package of this name.",
    ),
    Subcategory.DEPENDENCY_NOT_FOUND: _cause(
        Owner.UPSTREAM,
        Category.MISSING_DEP,
        "Wait for a release whose dependencies the registry has, or for a registry that is behind to catch up.",
    ),
    Subcategory.TIMEOUT: _cause(
        Owner.UPSTREAM,
        Category.NETWORK_ERROR,
        "Wait for the next run, or raise the timeout of the phase that hit it.",
        transient=True,
    ),
    Subcategory.DNS_ERROR: _cause(
        Owner.OPERATOR,
        Category.NETWORK_ERROR,
        "Check this machine's name resolution and the registry address in the client's settings.",
        transient=True,
    ),
    Subcategory.TLS_ERROR: _cause(
        Owner.OPERATOR,
        Category.NETWORK_ERROR,
        "Check this machine's clock and certificates, and any proxy between it and the registry.",
        transient=True,
    ),
    Subcategory.CONNECTION_ERROR: _cause(
        Owner.OPERATOR,
        Category.NETWORK_ERROR,
        "Check that this machine reaches the registry; the next run tries again.",
        transient=True,
    ),
    Subcategory.RATE_LIMITED: _cause(
        Owner.OPERATOR,
        Category.NETWORK_ERROR,
        "Lower requests_per_second of the ecosystem; the next run tries again.",
        transient=True,
    ),
    Subcategory.UPSTREAM_UNAVAILABLE: _cause(
        Owner.UPSTREAM,
        Category.NETWORK_ERROR,
        "Wait: the registry answers with server errors, and the next run tries again.",
        transient=True,
    ),
    Subcategory.UPSTREAM_REFUSED: _cause(
        Owner.OPERATOR,
        Category.NETWORK_ERROR,
        "Check the credentials and the address in the client's settings: the registry refuses the request.",
    ),
    Subcategory.ANSWER_TOO_LARGE: _cause(
        Owner.OPERATOR,
        Category.GENERATION_FAILED,
        "Raise network.max_answer_mb if the package is wanted all the same.",
    ),
    Subcategory.BAD_METADATA: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Report it to the package's authors: its metadata does not follow the registry's format.",
    ),
    Subcategory.DIGEST_MISMATCH: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Do not use the package until its authors explain why the artifact differs from the published digest.",
    ),
    Subcategory.NO_EXECUTABLES: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Exclude it from the queue: the package installs no command.",
    ),
    Subcategory.NO_STABLE_VERSION: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Wait until its authors release a version that is neither a pre-release nor withdrawn.",
    ),
    Subcategory.BAD_NAME: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Write the recipe by hand: the format cannot hold the name of the package or of one of its commands.",
    ),
    Subcategory.NEEDS_BUILD: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Wait until its authors publish a built artifact, or write the recipe by hand.",
    ),
    Subcategory.NOT_DETERMINISTIC: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Write the recipe by hand: its generator says that it cannot be made without guessing.",
    ),
    Subcategory.NOT_INSTALLABLE: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Ask its authors to let their ecosystem's installer take it, as the message says, or write the recipe by hand.",
    ),
    Subcategory.NEEDS_MANUAL: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Write the recipe by hand: installing it takes a step that the recipe format has no action for.",
    ),
    Subcategory.AMBIGUOUS_COMMANDS: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Name the wanted command in the queue's source: the package holds several.",
    ),
    Subcategory.AMBIGUOUS_ASSETS: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Write the recipe by hand: several files of the release suit one platform equally well.",
    ),
    Subcategory.UNPROVEN_PATTERN: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Wait for the next release: the files of the earlier ones are named otherwise than those of the newest.",
    ),
    Subcategory.YANKED: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Wait for a release: its authors withdrew this one.",
    ),
    Subcategory.DEPRECATED: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Queue the successor that its authors name instead.",
    ),
    Subcategory.QUARANTINED: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Leave it alone until the registry lifts the quarantine.",
    ),
    Subcategory.EXE_MISMATCH: _cause(
        Owner.US,
        Category.VERIFY_FAILED,
        "Compare the executables in the evidence with those found: the generator read the metadata wrongly.",
    ),
    Subcategory.VERSION_MISMATCH: _cause(
        Owner.UPSTREAM,
        Category.VERIFY_FAILED,
        "Choose another verify command: the tool prints a version other than the one installed.",
    ),
    Subcategory.RUNTIME_TOO_OLD: _cause(
        Owner.OPERATOR,
        Category.MISSING_DEP,
        "Install a newer runtime on the machine that validates.",
    ),
    Subcategory.RUNTIME_MISSING: _cause(
        Owner.OPERATOR,
        Category.MISSING_DEP,
        "Install the runtime that the ecosystem needs on the machine that validates.",
    ),
    Subcategory.MISSING_SYSTEM_DEP: _cause(
        Owner.UPSTREAM,
        Category.MISSING_DEP,
        "Name the missing program or library as a dependency in the recipe.",
    ),
    Subcategory.NO_PLATFORM_BUILD: _cause(
        Owner.UPSTREAM,
        Category.INSTALL_FAILED,
        "Ask its authors for a build for this platform; until then it stays excluded there.",
    ),
    Subcategory.NETWORK_AT_VERIFY: _cause(
        Owner.UPSTREAM,
        Category.VERIFY_FAILED,
        "Choose a verify command that needs no network.",
    ),
    Subcategory.OOM: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Raise memory_mb of the phase, if the tool may use that much.",
    ),
    Subcategory.PIDS: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Raise pids of the phase, if the tool may start that many processes.",
    ),
    Subcategory.DISK: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Raise disk_mb of the phase, if the tool may take that much room.",
    ),
    Subcategory.SANDBOX_UNAVAILABLE: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Allow unprivileged user namespaces on this machine, as the message of the preflight says.",
        transient=True,
    ),
    Subcategory.INSTALL_ERROR: _cause(
        Owner.UPSTREAM,
        Category.INSTALL_FAILED,
        "Read the end of the install phase's output in the verdict.",
    ),
    Subcategory.VERIFY_ERROR: _cause(
        Owner.UPSTREAM,
        Category.VERIFY_FAILED,
        "Read the end of the verify phase's output in the verdict.",
    ),
    Subcategory.NO_RUNNER: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Give the platform a runner in pipeline.yaml.",
    ),
    Subcategory.NO_RESULT: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Run the pipeline on a machine of this platform and copy its build/validate folder here.",
        transient=True,
    ),
    Subcategory.MISSING_RECIPE: _cause(
        Owner.OPERATOR,
        Category.MISSING_DEP,
        "Add the recipes that it needs to the queue; it is tried again when all of them are merged.",
    ),
    Subcategory.NOT_MERGEABLE: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Read the reason in the pull request's list of left-out packages: the recipe itself cannot be merged.",
    ),
    Subcategory.OUT_OF_BUDGET: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Wait for the next ISO week, or raise the class's minutes_per_week in pipeline.yaml.",
        transient=True,
    ),
    Subcategory.BAD_RECIPE: _cause(
        Owner.OPERATOR,
        Category.GENERATION_FAILED,
        "Mend the generator's program: what it wrote is no recipe that the reader accepts.",
    ),
    Subcategory.GENERATOR_ERROR: _cause(
        Owner.OPERATOR,
        Category.GENERATION_FAILED,
        "Read what the generator's program said, and mend the program or its command.",
    ),
    Subcategory.VALIDATOR_ERROR: _cause(
        Owner.OPERATOR,
        Category.INSTALL_FAILED,
        "Read what the validator's program said, and mend the program or its command.",
    ),
    Subcategory.TOO_YOUNG: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Wait: it is tried again as soon as the release is old enough, or lower gates.release_age.min_hours.",
    ),
    Subcategory.CHANGED_BYTES: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Ask its authors why a version has other bytes than before; `doit requeue` with its source accepts them.",
    ),
    Subcategory.NAME_CONFUSION: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Look whether the package is the one that is meant, then approve it (gates.approved) or exclude it.",
    ),
    Subcategory.UNKNOWN_LICENSE: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Ask its authors to name an SPDX licence, or approve the package (gates.approved).",
    ),
    Subcategory.INSTALL_SCRIPTS: _cause(
        Owner.UPSTREAM,
        Category.GENERATION_FAILED,
        "Read what its install scripts do, then approve the package (gates.approved) or exclude it.",
    ),
    Subcategory.COMMON_COMMAND: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Look whether users want their system's command replaced, then approve it (gates.approved) or exclude it.",
    ),
    Subcategory.TAKEN_EXECUTABLE: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Decide which of the two recipes provides the command: exclude one, or approve both (gates.approved).",
    ),
    Subcategory.NOT_GENERATED: _cause(
        Owner.US,
        Category.GENERATION_FAILED,
        "Mend the generation first: there is no recipe to run.",
    ),
}
