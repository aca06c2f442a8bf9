"""The digest of what matters upstream: a package in quarantine is tried again when it changes, and only then."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.ecosystems.base import Draft, Made
from pipeline.model import Category, Failed, Held, Skipped, Subcategory
from tests.ecosystems.samples import REGISTRY, Sample, all_samples, make_zip
from tests.fakes_fetcher import NOT_FOUND

SAMPLES = all_samples()
Page = dict[str, Any]


def upstream(made: Made) -> str | None:
    match made:
        case Draft(evidence=evidence):
            return evidence.upstream
        case Skipped(upstream=found) | Failed(upstream=found):
            return found
        case Held():
            return None


def changed(key: str, change: Callable[[Page], object], **more: bytes) -> Made:
    """Return the outcome of a sample whose metadata page was changed in place."""
    sample: Sample = SAMPLES[key]
    page = copy.deepcopy(sample.page_json[sample.metadata_url.removeprefix(REGISTRY)])
    change(page)
    return sample.make(sample.pages | {sample.metadata_url: json.dumps(page).encode()} | more)


def newest(page: Page) -> Page:
    return page["versions"][page["dist-tags"]["latest"]]


def released(page: Page, version: str, base: str, **fields: object) -> None:
    page["versions"][version] = page["versions"][base] | {"version": version} | fields
    page["time"][version] = "2026-03-01T00:00:00.000Z"


def published(page: Page, filename: str, **fields: object) -> None:
    page["files"].append({"filename": filename, "url": f"../files/{filename}", "hashes": {}} | fields)


NPM_NOISE: dict[str, Callable[[Page], object]] = {
    "revision": lambda page: page.update(_rev="77-abc", readme="new", users={"a": True}, maintainers=[]),
    "downloads": lambda page: page.update(downloads={"last-week": 123_456}),
    "times": lambda page: page["time"].update(modified="2026-03-09T00:00:00.000Z"),
    "prerelease": lambda page: (released(page, "3.0.0-rc.1", "2.1.0"), page["dist-tags"].update(next="3.0.0-rc.1")),
    "old release": lambda page: released(page, "1.9.9", "2.0.0"),
    "deprecated old release": lambda page: page["versions"]["2.0.0"].update(deprecated="old"),
    "mirror": lambda page: newest(page)["dist"].update(tarball="https://mirror.example/x.tgz", shasum="0" * 40),
    "signatures": lambda page: newest(page)["dist"].update(signatures=[{"keyid": "x"}], attestations={"url": "y"}),
    "who published": lambda page: newest(page).update(_npmUser={"name": "a"}, gitHead="b", _nodeVersion="22.0.0"),
}
NPM_SIGNALS: dict[str, Callable[[Page], object]] = {
    "release": lambda page: (released(page, "2.2.0", "2.1.0"), page["dist-tags"].update(latest="2.2.0")),
    "latest goes back": lambda page: page["dist-tags"].update(latest="2.0.0"),
    "deprecated": lambda page: newest(page).update(deprecated="use brush"),
    "other content": lambda page: newest(page)["dist"].update(integrity="sha512-AAAA"),
    "executables": lambda page: newest(page).update(bin={"brush": "cli.js"}),
    "no executables": lambda page: newest(page).pop("bin"),
    "engines": lambda page: newest(page).update(engines={"node": ">=24"}),
    "platforms": lambda page: newest(page).update(os=["darwin"]),
    "libc": lambda page: newest(page).update(libc=["musl"]),
    "install script": lambda page: newest(page).update(hasInstallScript=True),
    "gone": lambda page: page.update(versions={}),
}
PYPI_NOISE: dict[str, Callable[[Page], object]] = {
    "serial": lambda page: page["meta"].update({"_last-serial": 99}),
    "versions": lambda page: page.update(versions=["0.1", "1.0"]),
    "upload time": lambda page: page["files"][0].update({"upload-time": "2026-02-04T00:00:00Z"}),
    "provenance": lambda page: page["files"][0].update(provenance="https://registry.example/p"),
    "other digests": lambda page: page["files"][0]["hashes"].update(blake2b="ab"),
    "old release": lambda page: published(page, "attic-0.9-py3-none-any.whl"),
    "prerelease": lambda page: published(page, "attic-2.0rc1-py3-none-any.whl"),
    "yanked release": lambda page: published(page, "attic-1.1-py3-none-any.whl", yanked="broken"),
    "source": lambda page: published(page, "attic-1.0.tar.gz"),
    "wheel for another machine": lambda page: published(page, "attic-1.0-cp313-cp313-win_amd64.whl"),
}
PYPI_SIGNALS: dict[str, Callable[[Page], object]] = {
    "release without a wheel": lambda page: published(page, "attic-1.1.tar.gz"),
    "yanked": lambda page: page["files"][0].update(yanked=True),
    "quarantined": lambda page: page.update({"project-status": {"status": "quarantined"}}),
    "requires-python": lambda page: page["files"][0].update({"requires-python": ">=3.14"}),
    "wrong digest": lambda page: page["files"][0]["hashes"].update(sha256="0" * 64),
    "gone": lambda page: page.update(files=[]),
}


@pytest.mark.parametrize("key", SAMPLES)
def test_each_outcome_that_stands_has_a_digest(key):
    """Without one, nobody could see that anything has changed. It is the same for each way to read the answer."""
    sample = SAMPLES[key]
    found = upstream(sample.make())
    assert found is not None
    assert found == upstream(sample.make(ranges=False))


@pytest.mark.parametrize("what", NPM_NOISE)
def test_noise_of_npm_changes_nothing(what):
    """Other releases, times, counts and where the archive lies say nothing of whether a recipe can be made."""
    made = changed("npm-string-bin", NPM_NOISE[what])
    assert isinstance(made, Draft)
    assert upstream(made) == upstream(SAMPLES["npm-string-bin"].make())


@pytest.mark.parametrize("what", NPM_SIGNALS)
def test_what_matters_of_npm_changes_the_digest(what):
    """Another release, other content, executables, engines, platforms, scripts: each is worth another try."""
    assert upstream(changed("npm-string-bin", NPM_SIGNALS[what])) not in {
        None,
        upstream(SAMPLES["npm-string-bin"].make()),
    }


@pytest.mark.parametrize("what", PYPI_NOISE)
def test_noise_of_pypi_changes_nothing(what):
    """Other files, times and serial numbers say nothing of the wheel that is read."""
    made = changed("pypi-archived", PYPI_NOISE[what])
    assert isinstance(made, Draft)
    assert upstream(made) == upstream(SAMPLES["pypi-archived"].make())


@pytest.mark.parametrize("what", PYPI_SIGNALS)
def test_what_matters_of_pypi_changes_the_digest(what):
    """Another release, a yank, another status, another Python, other bytes."""
    assert upstream(changed("pypi-archived", PYPI_SIGNALS[what])) not in {
        None,
        upstream(SAMPLES["pypi-archived"].make()),
    }


def test_a_wheel_without_a_digest_is_known_by_what_it_says():
    """Private indexes give none; then its entry points count."""
    info = "attic-1.0.dist-info"
    metadata = {f"{info}/WHEEL": "Wheel-Version: 1.0\n", f"{info}/METADATA": "Name: attic\nVersion: 1.0\n"}

    def digest(points: str, metadata: dict[str, str] = metadata) -> str | None:
        content = make_zip(metadata | {f"{info}/entry_points.txt": f"[console_scripts]\n{points}\n"})
        wheel = f"{REGISTRY}/files/attic-1.0-py3-none-any.whl"

        def bare(page: Page) -> None:
            page["files"][0] |= {"hashes": {}, "size": None}

        return upstream(changed("pypi-archived", bare, **{wheel: content}))

    assert digest("attic=attic:main") == digest("attic=attic:main")
    assert digest("attic=attic:main") != digest("loft=attic:main")
    assert digest("attic=attic:main") != digest(
        "attic=attic:main", metadata | {f"{info}/METADATA": "Name: attic\nVersion: 1.0\nRequires-Python: >=3.9\n"}
    )


@pytest.mark.parametrize("key", ["npm-only-prereleases", "pypi-only-prereleases"])
def test_one_prerelease_more_is_no_release(key):
    """Nightly versions must not bring a package back every night."""

    def more(page: Page) -> None:
        if key.startswith("npm"):
            last = list(page["versions"])[-1]
            version = "9.9.9-rc.1"
            page["versions"][version] = page["versions"][last] | {"version": version}
            page["dist-tags"]["latest"] = version
        else:
            name = page["files"][-1]["filename"].partition("-")[0]
            published(page, f"{name}-9.9rc1-py3-none-any.whl")

    made = changed(key, more)
    assert isinstance(made, Skipped)
    assert made.subcategory is Subcategory.NO_STABLE_VERSION
    assert upstream(made) == upstream(SAMPLES[key].make())


@pytest.mark.parametrize("name", ["npm", "pypi"])
def test_a_package_that_is_not_there_has_a_fixed_digest(name):
    """It changes when somebody publishes it, whatever its name; npm's empty packument is the same as none."""
    first, second = [sample for sample in SAMPLES.values() if sample.ecosystem == name][:2]
    absent = {upstream(sample.make({})) for sample in (first, second)}
    assert len(absent) == 1
    assert absent != {None}
    assert upstream(SAMPLES["npm-unpublished"].make()) == upstream(SAMPLES["npm-library"].make({}))


@pytest.mark.parametrize("key", ["npm-string-bin", "pypi-archived"])
def test_what_passes_by_itself_has_no_digest(key):
    """Nothing was learned of upstream, on no request."""
    sample = SAMPLES[key]
    down = Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="slow")
    for url in sample.pages:
        assert sample.make(sample.pages | {url: down}) == down


def test_a_file_that_is_not_there_is_known_by_its_name():
    """A release whose file is missing is tried again when there is another one, not when a count changes."""
    sample = SAMPLES["pypi-archived"]
    (wheel,) = [url for url in sample.pages if url.endswith(".whl")]
    missing = sample.make(sample.pages | {wheel: NOT_FOUND})
    assert upstream(missing) not in {None, upstream(sample.make({}))}
