"""Each gate on what is generated, by itself: what opens it, what shuts it, and what a person may say to that."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.admission import (
    changed_bytes,
    common_command,
    install_scripts,
    name_confusion,
    taken_executable,
    unknown_license,
)
from pipeline.admission.base import Link
from pipeline.admission.command_names import COMMON_COMMANDS
from pipeline.config import Policy
from pipeline.model import Artifact, Decision, Knowledge, License, Origin, Release, Resemblance
from tests.builders_admission import FakeSurroundings, candidate, gates, installing
from tests.builders_payload import evidence

RESEMBLES = Knowledge(resembles=Resemblance(known="npm:toll", distance=1))
NO_LICENSE = License(spdx=None, declared="ask me\x1b[31m", origin=Origin.REGISTRY)
# What each policy gate finds something in.
FOUND = {
    "name_confusion": (name_confusion, {"knowledge": RESEMBLES}),
    "unknown_license": (unknown_license, {"evidence": evidence(license=NO_LICENSE)}),
    "install_scripts": (install_scripts, {"evidence": evidence(has_install_scripts=True)}),
    "common_command": (common_command, {"recipe": installing("tool", "ls")}),
    "taken_executable": (taken_executable, {"around": FakeSurroundings({"tool": "recipes/o/other.toml"})}),
}
DECISIONS = {Policy.REPORT: Decision.RISK, Policy.MANUAL: Decision.PERSON, Policy.REFUSE: Decision.REFUSE}


@pytest.mark.parametrize("key", FOUND)
def test_a_gate_passes_what_nothing_is_wrong_with(key):
    """Its verdict still names the rule, and what it saw."""
    verdict = FOUND[key][0].judge(candidate())
    assert (verdict.gate, verdict.decision, verdict.remedy) == (key, Decision.PASS, "")
    assert verdict.rule
    assert verdict.value


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("key", FOUND)
def test_the_policy_decides_on_what_is_found(key, policy):
    """A risk, a person, or no recipe; what is shut says what opens it, and all of it is one printable line."""
    gate, fields = FOUND[key]
    verdict = gate.judge(candidate(config=gates(**{key: policy.value}), **fields))
    assert verdict.decision is DECISIONS[policy]
    assert verdict.value.isprintable()
    assert ("doit requeue npm:tool" in verdict.remedy) == (policy is not Policy.REPORT)


@pytest.mark.parametrize("key", FOUND)
def test_an_approval_makes_a_risk_of_it_for_that_package_alone(key):
    """Of this gate, and of no other package."""
    gate, fields = FOUND[key]
    manual = {key: "manual"}
    approved = gate.judge(candidate(config=gates(**manual, approved={"npm:tool": [key]}), **fields))
    assert approved.decision is Decision.RISK
    assert approved.value.endswith("; approved in pipeline.yaml")
    for other in ({"npm:other": [key]}, {"npm:tool": ["yanked"]}):
        assert gate.judge(candidate(config=gates(**manual, approved=other), **fields)).decision is Decision.PERSON


# ------------------------------------------------------------------------------------ changed bytes


def known(digest: str, **fields: str) -> Knowledge:
    """Return what is known of the sample's release, with another digest."""
    given = {"version": "3.4.2", "artifact": "tool-3.4.2.tgz", "digest": digest, "since": "2026-01-02T00:00:00Z"}
    return Knowledge(releases=[Release(**{**given, **fields})])


def test_other_bytes_of_the_same_version_freeze():
    """Both digests and the day are told; only a person opens it."""
    verdict = changed_bytes.judge(candidate(knowledge=known(f"sha512:{'cd' * 64}")))
    assert verdict.decision is Decision.FREEZE
    assert verdict.value == ("3.4.2: tool-3.4.2.tgz was sha512:cdcdcdcdcdcdc… on 2026-01-02, now sha512:ababababababa…")


@pytest.mark.parametrize(
    "before",
    [
        Knowledge(),
        known(f"sha512:{'ab' * 64}"),
        known(f"sha256:{'cd' * 32}"),
        known(""),
        known(f"sha512:{'cd' * 64}", version="3.4.1"),
        known(f"sha512:{'cd' * 64}", artifact="tool-3.4.2-py3-none-any.whl"),
    ],
    ids=["never seen", "the same", "another algorithm", "no digest then", "another version", "another file"],
)
def test_what_cannot_be_compared_or_is_the_same_passes(before):
    """Only two digests of one kind of one file say that it has changed."""
    assert changed_bytes.judge(candidate(knowledge=before)).decision is Decision.PASS


def test_a_release_without_a_digest_is_never_frozen():
    """Nothing can be said about it."""
    without = evidence(artifact=Artifact(name="tool-3.4.2.tgz", url="https://registry.example/tool.tgz"))
    assert changed_bytes.judge(candidate(evidence=without, knowledge=known("sha512:cd"))).decision is Decision.PASS


def test_changed_bytes_may_only_be_reported():
    """For a registry that is known to rebuild its files."""
    reported = candidate(knowledge=known(f"sha512:{'cd' * 64}"), config=gates(changed_bytes="report"))
    assert changed_bytes.judge(reported).decision is Decision.RISK


# ------------------------------------------------------------------------------------ names and links


@pytest.mark.parametrize(
    ("link", "decision"),
    [(Link.CONFIRMED, Decision.RISK), (Link.CONTRADICTED, Decision.PERSON), (Link.UNKNOWN, Decision.PERSON)],
)
def test_the_link_to_its_repository_tells_a_forgery_from_a_neighbour(link, decision):
    """A confirmed one stays a risk: a forger may have a repository of his own."""
    around = FakeSurroundings(link=link)
    assert name_confusion.judge(candidate(knowledge=RESEMBLES, around=around)).decision is decision
    assert around.asked == 1


def test_the_link_of_a_package_that_resembles_nothing_is_not_asked_for():
    """It would be a request for each package."""
    around = FakeSurroundings(link=Link.CONTRADICTED)
    assert name_confusion.judge(candidate(around=around)).decision is Decision.PASS
    assert around.asked == 0


# ------------------------------------------------------------------------------------ executables


@given(st.sets(st.sampled_from([*sorted(COMMON_COMMANDS)[:20], "tool", "lss", "my-ls", "LS"]), min_size=1))
def test_only_names_of_the_list_shadow_a_command(names):
    """Whole names, as they are typed."""
    verdict = common_command.judge(candidate(recipe=installing(*sorted(names))))
    assert (verdict.decision is Decision.PASS) == COMMON_COMMANDS.isdisjoint(names)


@pytest.mark.parametrize(
    ("executables", "curated", "decision"),
    [
        (["git"], True, Decision.RISK),
        (["git"], False, Decision.PERSON),
        (["git", "ls"], True, Decision.PERSON),
        (["git", "git-lfs"], True, Decision.RISK),
    ],
)
def test_a_package_that_is_the_command_passes_once_a_person_has_looked_at_its_source(executables, curated, decision):
    """But only as that command; it stays a risk."""
    own = candidate(recipe=installing(*executables, name="git"), knowledge=Knowledge(curated=curated))
    assert common_command.judge(own).decision is decision


def test_a_recipe_does_not_stand_in_its_own_way():
    """An update of a published recipe provides what that provided."""
    own = FakeSurroundings({"tool": "recipes/t/tool.toml"})
    assert taken_executable.judge(candidate(around=own)).decision is Decision.PASS


def test_a_value_is_cut_and_printable():
    """Whatever upstream writes."""
    long = License(spdx=None, declared="x\u202e\n" * 1000, origin=Origin.REGISTRY)
    verdict = unknown_license.judge(candidate(evidence=evidence(license=long)))
    assert len(verdict.value) <= 300
    assert verdict.value.isprintable()
    msgspec.convert(msgspec.to_builtins(verdict), type(verdict))
