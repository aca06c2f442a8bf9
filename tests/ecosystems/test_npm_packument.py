"""npm's rules that a changed packument shows best."""

import json

import msgspec
import pytest

from pipeline.ecosystems import npm
from pipeline.ecosystems.base import Answer, Draft, Made
from pipeline.ecosystems.drafting import Watching, bad_metadata, from_stored
from pipeline.model import Category, Failed, Skipped, Subcategory
from tests.ecosystems.samples import Sample, all_samples

SAMPLES = all_samples()


def made(**changes: object) -> Made:
    """Return the outcome for a sample whose latest version has these fields changed."""
    sample: Sample = SAMPLES["npm-string-bin"]
    page = json.loads(sample.pages[sample.metadata_url])
    page["versions"]["2.1.0"] |= changes
    return sample.make({sample.metadata_url: json.dumps(page).encode()})


def draft(**changes: object) -> Draft:
    found = made(**changes)
    assert isinstance(found, Draft)
    return found


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("cli.js", ["paintbrush"]),
        ({"b": "b.js", "paintbrush": "a.js", "a": "a.js"}, ["paintbrush", "a", "b"]),
        ({"@acme/brush": "a.js"}, ["brush"]),
        ({"gone": None, "kept": "a.js", "empty": ""}, ["kept"]),
        ({"x": "./lib/../a.js"}, ["x"]),
    ],
)
def test_executables_are_those_that_npm_links(declared, expected):
    """A path is linked under the package's name, a map under its keys; the tool's own name comes first."""
    assert draft(bin=declared).recipe.executables == expected


@pytest.mark.parametrize("target", ["../x", "a/../../x", "/bin/sh", "..\\x", "C:\\x", ".."])
def test_executables_outside_of_the_package_are_bad_metadata(target):
    """A link that would leave the package is refused in each spelling."""
    found = made(bin={"paintbrush": target})
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA


@pytest.mark.parametrize("declared", [7, True, ["a.js"]])
def test_bin_of_another_type_is_bad_metadata(declared):
    """`bin` is a path or a map; a number or a list cannot be linked."""
    assert isinstance(made(bin=declared), Failed)


@pytest.mark.parametrize("name", ["a b", "-x", ".x", "x;y", "x" * 129, "ünï", "x\n"])
def test_names_that_a_recipe_cannot_hold_skip_the_package(name):
    """One executable with a forbidden name is reason enough for a person to look."""
    found = made(bin={name: "a.js", "paintbrush": "b.js"})
    assert isinstance(found, Skipped)
    assert found.subcategory is Subcategory.BAD_NAME


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scripts": {"postinstall": "x"}}, True),
        ({"scripts": {"preinstall": "x"}}, True),
        ({"scripts": {"install": "x"}}, True),
        ({"scripts": {"prepare": "x", "test": "y"}}, False),
        ({"scripts": "postinstall"}, False),
        ({"gypfile": True}, True),
        ({"hasInstallScript": True}, True),
        ({}, False),
    ],
)
def test_install_scripts_are_noticed(changes, expected):
    """Scripts that npm runs on install are found, also where the registry has no flag for them."""
    assert draft(**changes).evidence.has_install_scripts is expected


@pytest.mark.parametrize(
    ("changes", "limited"),
    [
        ({"os": ["linux", "darwin", "win32"]}, False),
        ({"os": ["!win32"], "cpu": "any"}, False),
        ({"os": ["darwin"]}, True),
        ({"os": "linux"}, True),
        ({"cpu": ["!arm64"]}, True),
        ({"libc": ["glibc"]}, True),
        ({"os": {"linux": True}}, False),
    ],
)
def test_limits_of_platforms_are_risks(changes, limited):
    """A limit that leaves out one of our platforms is shown; one that only concerns others is not."""
    assert any("upstream limits" in risk for risk in draft(**changes).evidence.risks) is limited


@pytest.mark.parametrize("integrity", ["", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha512-short", "sha512-" + "A" * 86])
def test_only_a_sound_digest_is_recorded(integrity):
    """A digest that is missing, weak or malformed is none, and that is said."""
    found = draft(dist={"tarball": "https://x.example/a-1.tgz", "integrity": integrity}).evidence
    assert found.artifact.digest == ""
    assert "the registry gives no digest that can be trusted" in found.risks


def test_credentials_do_not_reach_the_evidence():
    """A registry that writes its own user into the address of the archive does not get it published."""
    found = draft(dist={"tarball": "https://me:secret@x.example/a-1.tgz"}).evidence
    assert (found.artifact.name, found.artifact.url) == ("a-1.tgz", "https://x.example/a-1.tgz")


def test_requirements_of_old_and_new_packages():
    """`engines` is used where it is a map, and else nobody guesses."""
    assert draft(engines={"node": ">= 20"}).evidence.runtime_requirement == ">= 20"
    assert draft(engines=["node >= 0.8"]).evidence.runtime_requirement == ""


def test_taken_back_deprecation_is_none():
    """npm leaves an empty text when a deprecation is undone."""
    assert isinstance(made(deprecated=""), Draft)
    assert isinstance(made(deprecated=True), Skipped)


def test_prerelease_as_latest_gives_the_newest_stable():
    """1.11 is newer than 1.9 but deprecated; 1.10 is the newest that may be used."""
    found = SAMPLES["npm-prerelease-latest"].make()
    assert isinstance(found, Draft)
    assert found.evidence.version == "1.10.0"
    assert "the registry's latest is 2.0.0-beta.3, not the stable 1.10.0" in found.evidence.risks


def test_another_package_in_the_answer_is_refused():
    """A proxy that answers with another package's metadata does not get it into a recipe."""
    assert isinstance(made(name="other"), Failed)
    assert isinstance(made(version="9.9.9"), Failed)


def test_a_large_packument_is_decoded_quickly():
    """Versions that are not looked at are not decoded: a strange one among them does no harm."""
    sample: Sample = SAMPLES["npm-string-bin"]
    page = json.loads(sample.pages[sample.metadata_url])
    page["versions"] |= {f"0.0.{patch}": {"strange": [patch]} for patch in range(3000)}
    assert sample.make({sample.metadata_url: json.dumps(page).encode()}) == sample.make()
    assert npm.REVISION >= 1


def test_a_stored_answer_that_stood_in_is_a_risk():
    """A recipe made while the registry did not answer says so to its reviewer."""
    stale = from_stored(draft())
    assert isinstance(stale, Draft)
    assert stale.evidence.risks[0] == "made from a stored answer: the registry did not answer"


def test_what_a_stored_answer_says_against_a_package_is_no_answer():
    """It is asked for again: an answer of last week must not send it into quarantine, nor prove the registry well."""
    transient = Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="30 s")
    for against in (Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="none"), bad_metadata("none")):
        found = from_stored(against)
        assert isinstance(found, Failed)
        assert (found.subcategory, found.transient, found.upstream) == (Subcategory.UPSTREAM_UNAVAILABLE, True, None)
        assert found.message == "the registry did not answer; a stored answer says: none"
    assert from_stored(transient) == transient


@pytest.mark.parametrize(("stale", "noted"), [((False, False), False), ((True, False), True), ((False, True), True)])
def test_one_stored_answer_among_several_is_noted(stale, noted):
    """Of the registry or of its host of files."""
    answer = Answer(url="https://registry.example/x", status=200, content=b"{}")
    answers = iter(msgspec.structs.replace(answer, stale=each) for each in stale)

    class Stored:
        def get(self, url: str, **options: object) -> Answer:
            del url, options
            return next(answers)

    watching = Watching(Stored())
    for _ in stale:
        watching.get(answer.url)
    assert watching.stood_in is noted


def test_a_version_of_absurd_length_is_bad_metadata():
    """It would not fit into any record that people read."""
    found = made(version="2." + "1" * 4000)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA
